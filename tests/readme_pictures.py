"""Takes the README's pictures in a real Chromium from a demo that is running.

Run: `make demo` in one terminal, then `python -m tests.readme_pictures` in another.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from playwright.sync_api import Page, expect

from demo.installation import ROOT
from tests.chromium import started_chromium

SIZE = {"width": 1280, "height": 800}
TIMEOUT_MS = 180_000
QUESTION = "KCN-5の画面にE09が出ています。何を調べればよいですか?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--report", type=Path, default=ROOT / "var" / "demo-report.json")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args()
    report = json.loads(options.report.read_text())
    with started_chromium(TIMEOUT_MS) as browser:
        for language, take in (("en", take_english), ("ja", take_japanese)):
            context = browser.new_context(
                base_url=report["base_url"], viewport=SIZE, color_scheme="light", locale=language
            )
            context.set_default_timeout(TIMEOUT_MS)
            context.add_cookies([{"name": "django_language", "value": language, "url": report["base_url"]}])
            page = context.new_page()
            page.goto("/sign-in")
            page.locator("input[name=username]").fill(report["email"])
            page.locator("input[name=password]").fill(report["password"])
            page.locator("button.primary").click()
            expect(page.get_by_role("navigation")).to_be_visible()
            take(page, report["ids"], options.folder)
            context.close()


def take_english(page: Page, ids: dict[str, str], folder: Path) -> None:
    for name, path in (
        ("home", "/"),
        ("documents", "/documents"),
        ("dataset", f"/datasets/{ids['dataset']}/versions/{ids['dataset_version']}"),
    ):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}.png")


def take_japanese(page: Page, _ids: dict[str, str], folder: Path) -> None:
    page.goto("/chat")
    page.locator("#question").fill(QUESTION)
    page.locator("#question").press("Enter")
    expect(page.locator(".turn.assistant .sources li").first).to_be_visible()
    page.screenshot(path=folder / "chat.png")


if __name__ == "__main__":
    main()
