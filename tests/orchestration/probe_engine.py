"""A real engine for tests: counts steps, keeps checkpoints, and fails where its spec says so."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from workers.contract.spec import Spec
from workers.engines.shared.runtime import EngineFault, Run, RunStopped, UserError, run_engine


class ProbeSpec(Spec):
    steps: int = 5
    pause: float = 0.0
    """Seconds between steps."""
    hold_at: int | None = None
    """Wait at this step of the first attempt until stopped."""
    fail: str | None = None
    fail_attempts: int = 100
    """How many attempts fail."""
    processes: int = 1
    child: bool = False
    """Leave a child in a session of its own behind, as torchrun's ranks are."""


def newest_checkpoint(run: Run) -> int:
    found = [
        int(path.name)
        for folder in run.config.previous_run_dirs
        for path in (folder / "checkpoints").glob("*")
    ]
    return max(found, default=0)


def checkpoint(run: Run, step: int) -> None:
    if os.environ.get("RANK", "0") != "0":
        return
    folder = run.directory / "checkpoints" / str(step)
    folder.mkdir(parents=True)
    run.checkpoint(step, folder, "0" * 64)


def fail(how: str) -> None:
    if how == "user":
        raise UserError("bad_input", "The input is bad.", param="items", line=7)
    if how == "system":
        raise EngineFault("broken", "The node is broken.")
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "silent":
        os._exit(0)


def work(run: Run, spec: ProbeSpec) -> dict[str, object]:
    first = newest_checkpoint(run)
    run.started(resumed_from_step=first or None)
    if spec.child:
        subprocess.Popen(["sleep", "600"], start_new_session=True)
    for step in range(first + 1, spec.steps + 1):
        if spec.fail and run.config.attempt <= spec.fail_attempts and step == 3:
            fail(spec.fail)
        if run.stop_requested:
            raise RunStopped(step - 1)
        time.sleep(spec.pause)
        run.progress(step, spec.steps, "step")
        run.metrics(step, loss=1.0 / step)
        checkpoint(run, step)
        while step == spec.hold_at and run.config.attempt == 1 and not run.stop_requested:
            time.sleep(0.01)
    Path(run.output_dir / "answer.txt").write_text("42")
    return {"steps": spec.steps, "resumed_from": first, "attempt": run.config.attempt}


def main() -> None:
    run_engine("probe", ProbeSpec, work)


if __name__ == "__main__":
    main()
