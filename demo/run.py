"""The whole road on an invented company, with live progress: `make demo` or `python -m demo.run`.

Environment: `ONCE=1` stops everything after the last step and exits non-zero if a step failed;
`KOSHA_DEMO_BASE=smollm2` takes the smaller base model; `KOSHA_VAR` names the folder it works in;
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
from demo.installation import ROOT, Installation, InstallationError
from demo.report import Report
from demo.road import BASE_MODELS, Road
from demo.screen import Screen

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
        ok = _walk(installation, report, screen)
        if not once and ok:
            _stay(installation, screen)
        return 0 if ok else 1
    except KeyboardInterrupt:
        screen.say("\nstopping; the data stay, `make up` starts the platform again")
        return 130 if once else 0
    finally:
        # Another Ctrl-C must not leave the platform to itself while it makes its state safe.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        installation.stop()


def _walk(installation: Installation, report: Report, screen: Screen) -> bool:
    """All steps in order, up to the first that fails."""
    start = time.monotonic()
    questions = json.loads(_path("KOSHA_DEMO_QUESTIONS", HERE / "questions.json").read_text())["questions"]
    road = Road(
        installation,
        report,
        screen,
        documents=_path("KOSHA_DEMO_DOCUMENTS", HERE / "documents"),
        later=_path("KOSHA_DEMO_LATER", HERE / "later"),
    )
    try:
        screen.say("starting PostgreSQL, Valkey, workers, model server and web")
        with report.step("start"):
            installation.up_or_join()
        screen.step(1, "an organization, its people and an API key")
        with report.step("organization") as figures:
            road.organization(figures)
        screen.step(2, "the company's documents")
        with report.step("upload") as figures:
            road.upload(figures)
        screen.step(3, "curation into a dataset version")
        with report.step("curate") as figures:
            road.curate(figures)
        screen.step(4, f"training {report.base_model} (LoRA) on texts and question-answer pairs")
        with report.step("train") as figures:
            road.train(figures)
        screen.step(5, "evaluation on what was held out, base beside tuned, and the gate")
        with report.step("evaluate") as figures:
            road.evaluate(figures)
        screen.step(6, "the hybrid retrieval index")
        with report.step("index") as figures:
            road.index(figures)
        screen.step(7, "approval, publication, and three questions")
        with report.step("release") as figures:
            road.release(figures, [item["question"] for item in questions])
        screen.step(8, "a new document, a weekly schedule, and a retraining now")
        with report.step("retrain") as figures:
            road.retrain(figures)
    except (ApiError, JobFailed, InstallationError) as error:
        screen.say(f"\nthis step failed: {error}")
    screen.say(f"\n{time.monotonic() - start:.0f} s; figures and ids: {report.path}")
    return report.ok


def _stay(installation: Installation, screen: Screen) -> None:
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
