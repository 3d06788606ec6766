"""The console in a real Chromium, in Japanese: from an upload to a cited answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
)

from console.navigation import PAGES
from demo.client import wait_until
from tests.chromium import started_chromium
from tests.installation import CAUSAL, IsolatedInstallation, Member

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(600)]

TIMEOUT_MS = 120_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with started_chromium(TIMEOUT_MS) as browser:
        yield browser


class Visitor:
    """One person with a browser context of their own, and the errors that the browser reported."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        # Violations of the content security policy are reported here, too.
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type} on {self.page.url}: {message.text}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} for {response.url}")

    def sign_in(self, member: Member) -> None:
        self.page.goto("/")
        expect(self.page.locator("html")).to_have_attribute("lang", "ja")
        self.page.locator("input[name=username]").fill(member.email)
        self.page.locator("input[name=password]").fill(member.password)
        self.page.get_by_role("button", name="サインイン").click()
        expect(self.page.get_by_role("navigation")).to_be_visible()


@contextmanager
def visit(
    chromium: Browser, installation: IsolatedInstallation, repository: Path, who: str
) -> Iterator[Visitor]:
    """A visit without errors in the browser; a failure leaves a screenshot."""
    context = chromium.new_context(base_url=installation.base_url, locale="ja-JP")
    context.set_default_timeout(TIMEOUT_MS)
    visitor = Visitor(context)
    try:
        yield visitor
        assert visitor.errors == []
    except BaseException:
        screenshot = repository / "var" / "screenshots" / f"{who}.png"
        visitor.page.screenshot(path=screenshot, full_page=True)
        print(f"screenshot: {screenshot} ({visitor.page.url}); errors: {visitor.errors}")
        raise
    finally:
        context.close()


def test_from_an_upload_to_a_cited_answer(chromium, kosha, organization, company, repository, tmp_path):
    facts = [company.fact() for _ in range(3)]
    document = company.guide(tmp_path, facts)
    with (
        visit(chromium, kosha, repository, "owner") as owner,
        visit(chromium, kosha, repository, "reviewer") as reviewer,
    ):
        owner.sign_in(organization.owner)
        upload(owner.page, document)
        release = prepare_release(organization.owner)
        reviewer.sign_in(organization.reviewer)
        approve(reviewer.page, release)
        publish(owner.page, release)
        ask(owner.page, facts[1].question, document.name)


def test_every_page_of_the_navigation_fits_wide_and_narrow_screens(chromium, kosha, owner, repository):
    with visit(chromium, kosha, repository, "visitor") as visitor:
        visitor.sign_in(owner)
        page = visitor.page
        addresses = [link.get_attribute("href") for link in page.locator(".navigation a").all()]
        assert len(addresses) == len(PAGES)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            for address in addresses:
                page.goto(str(address))
                expect(page.get_by_role("heading", level=1)).to_be_visible()
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (address, width)


def upload(page: Page, document: Path) -> None:
    page.get_by_role("navigation").get_by_role("link", name="文書", exact=True).click()
    page.locator("input[name=file]").set_input_files(document)
    row = page.locator("#documents tr", has_text=document.name)
    expect(row.locator("[data-state=processed]")).to_be_visible()
    row.get_by_role("link", name=document.name).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(document.name)


def prepare_release(owner: Member) -> str:
    """A base model with an index, not yet approved: through the API, for it takes several pages."""
    (file,) = owner.openai.files.list()
    made = owner.openai.vector_stores.create(name="search", file_ids=[file.id])
    store = wait_until(
        lambda: owner.openai.vector_stores.retrieve(made.id), lambda store: store.status == "completed"
    )
    settings = {"max_tokens": 24, "passages": 2}
    body = {"model": CAUSAL, "vector_store": store.id, "generation": settings}
    return str(owner.api.post("/releases", body).ok["id"])


def approve(page: Page, release: str) -> None:
    page.goto("/")
    page.locator(f"a[href='/releases/{release}']").first.click()
    page.locator(f"form[action='/releases/{release}/approve'] button.primary").click()
    expect(page.locator(".title [data-state]")).to_have_attribute("data-state", "approved")


def publish(page: Page, release: str) -> None:
    page.goto(f"/releases/{release}")
    page.locator(f"form[action='/releases/{release}/publish'] button.primary").click()
    # The page asks, saying what changes.
    page.get_by_role("button", name="公開する").click()
    expect(page).to_have_url("/releases/served/production")


def ask(page: Page, question: str, document: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name="チャット", exact=True).click()
    page.locator("#question").fill(question)
    with page.expect_response("**/chat/ask") as answered:
        page.locator("#question").press("Enter")
    assert answered.value.headers["content-type"].startswith("text/event-stream")
    answer = page.locator(".turn.assistant").last
    expect(answer.locator(".says")).to_have_text(re.compile(r"\S"))
    source = answer.locator(".sources li a").first
    expect(source).to_have_text(document)
    # The conversation has its own address, and a reload shows all of it again.
    expect(page).not_to_have_url("/chat")
    page.reload()
    expect(page.locator(".turn.user")).to_contain_text(question)
    page.locator(".sources li a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(document)
