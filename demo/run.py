"""From the documents of an invented company to a served model, with live progress: `make demo` or `python -m demo.run`.

Environment: `ONCE=1` stops everything after the last step and exits non-zero if a step failed;
`KOSHA_DEMO_BASE=smollm2` trains the smaller base model; `KOSHA_VAR` names the working folder;
`KOSHA_DEMO_DOCUMENTS`, `KOSHA_DEMO_LATER` and `KOSHA_DEMO_QUESTIONS` name other documents.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from demo.client import ApiError, JobFailed
from demo.company import BASE_MODELS
from demo.installation import ROOT, Installation, InstallationError
from demo.report import Report
from demo.screen import Screen
from demo.walkthrough import Walkthrough

HERE = Path(__file__).parent


def main() -> int:
    signal.signal(signal.SIGTERM, _as_interrupt)
    base_model = os.environ.get("KOSHA_DEMO_BASE") or "gemma3-270m"
    if base_model not in BASE_MODELS:
        print(f"KOSHA_DEMO_BASE must be one of: {', '.join(BASE_MODELS)}", file=sys.stderr)
        return 2
    once = os.environ.get("ONCE", "") not in ("", "0")
    var = Path(os.environ.get("KOSHA_VAR") or ROOT / "var").resolve()
    var.mkdir(parents=True, exist_ok=True)
    screen, installation = Screen(), Installation(var)
    report = Report(var / "demo-report.json", base_model)
    try:
        ok = _run_steps(installation, report, screen)
        if not once and ok:
            _wait_for_interrupt(installation, screen)
        return 0 if ok else 1
    except KeyboardInterrupt:
        screen.say("\nstopping; the data are kept, and `make up` starts the platform again")
        return 130 if once else 0
    finally:
        # Another Ctrl-C must not interrupt the shutdown of the platform.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        installation.stop()


def _run_steps(installation: Installation, report: Report, screen: Screen) -> bool:
    """Run the steps in order up to the first that fails; whether all succeeded."""
    start = time.monotonic()
    questions = json.loads(_path("KOSHA_DEMO_QUESTIONS", HERE / "questions.json").read_text())["questions"]
    walkthrough = Walkthrough(
        installation,
        report,
        screen,
        documents=_path("KOSHA_DEMO_DOCUMENTS", HERE / "documents"),
        later=_path("KOSHA_DEMO_LATER", HERE / "later"),
        questions=[item["question"] for item in questions],
    )
    try:
        screen.say("starting PostgreSQL, Valkey, workers, model server and web")
        with report.step("start"):
            installation.up_or_join()
        for number, step in enumerate(walkthrough.steps, start=1):
            screen.say(f"\n[{number}/{len(walkthrough.steps)}] {step.headline}")
            with report.step(step.name) as figures:
                step.act(figures)
    except (ApiError, JobFailed, InstallationError) as error:
        screen.say(f"\nthis step failed: {error}")
    screen.say(f"\n{time.monotonic() - start:.0f} s; figures and ids: {report.path}")
    return report.ok


def _wait_for_interrupt(installation: Installation, screen: Screen) -> None:
    screen.say(f"Kosha is running on {installation.base_url}: sign in as owner or reviewer (passwords above)")
    screen.say(f"the API is described on {installation.base_url}/v1/docs; Ctrl-C stops everything")
    if installation.process is not None:
        installation.process.wait()


def _path(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
