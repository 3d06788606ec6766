"""Runs a parser in a child process with limits on memory, processor time and elapsed time.

Uploaded files are not trusted. The child gets no secrets in its environment and a session of its own. However it
ends, the engine goes on and reports what happened.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from workers.contract.run_folder import RUN_DIR_VARIABLE, RunFolder
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.run import ExitCode
from workers.engines.ingest.file_types import damaged
from workers.engines.shared.runtime import EngineFault, Run, UserError

POLL_SECONDS = 0.02
REPORT_SECONDS = 1.0
CHILD_MODULE = "workers.engines.ingest.parse_child"
_REPOSITORY = Path(__file__).resolve().parents[3]
# pdfium and glibc end the process themselves when memory cannot be allocated.
_OUT_OF_MEMORY_SIGNALS = {signal.SIGABRT, signal.SIGTRAP, signal.SIGILL}
_OUT_OF_TIME_SIGNALS = {signal.SIGXCPU}
# Sent by the node or by a person, never because of the file: the memory of the child itself is limited.
_OUTSIDE_SIGNALS = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_PASSED_ON = ("PATH", "TMPDIR", RUN_DIR_VARIABLE)


def parse_in_child(
    run: Run, spec: IngestSpec, output_dir: Path, module: str = CHILD_MODULE
) -> dict[str, Any]:
    """The child's outcome, as `parse_child` describes it; its files are in `output_dir`.

    Raises UserError where the file is the cause, also when the child crashed on it.
    """
    folder = RunFolder(run.directory)
    task = {
        "spec": spec.model_dump(mode="json"),
        "output_dir": str(output_dir),
        "outcome": str(folder.parse_outcome),
        "progress": str(folder.parse_progress),
    }
    folder.parse_task.write_text(json.dumps(task), encoding="utf-8")
    child = subprocess.Popen(
        [sys.executable, "-m", module, str(folder.parse_task), str(os.getpid())],
        cwd=_REPOSITORY,
        env={
            # The platform finds the child by the variable of its run; temporary files stay in the run's folder.
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno() if _has_descriptor(sys.stderr) else subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(run, child, spec.parse_seconds, folder.parse_progress)
    finally:
        # The child leads its own process group until it is reaped, so its number belongs to no other process.
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return _outcome(child.returncode, folder.parse_outcome, spec)


def _wait(run: Run, child: subprocess.Popen[bytes], seconds: float, progress: Path) -> None:
    """Until the child ends. Reports its progress by page, at most once a second."""
    deadline = time.monotonic() + seconds
    next_report, reported = time.monotonic() + REPORT_SECONDS, None
    while child.poll() is None:
        run.raise_if_stopped()
        now = time.monotonic()
        if now > deadline:
            raise timed_out(seconds)
        if now > next_report:
            next_report = now + REPORT_SECONDS
            if (reached := read_progress(progress)) not in (None, reported):
                reported = reached
                run.progress(*reached, "page")
        time.sleep(POLL_SECONDS)


def write_progress(file: IO[bytes], done: int, total: int) -> None:
    """One write of a fixed length, so that the reader never sees half of it."""
    os.pwrite(file.fileno(), f"{done:10} {total:10}".encode(), 0)


def read_progress(path: Path) -> tuple[int, int] | None:
    """Pages done and all pages, as the child has last written them."""
    try:
        done, total = map(int, path.read_bytes().split())
    except (FileNotFoundError, ValueError):
        return None
    return done, total


def _outcome(returncode: int, outcome_path: Path, spec: IngestSpec) -> dict[str, Any]:
    if returncode == 0 and outcome_path.exists():
        outcome: dict[str, Any] = json.loads(outcome_path.read_text(encoding="utf-8"))
        if error := outcome.get("error"):
            raise UserError(error["code"], error["message"], param=error["param"])
        return outcome
    if returncode == ExitCode.DISK_FULL:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if -returncode in _OUTSIDE_SIGNALS:
        raise EngineFault(
            "parser_killed",
            "The parser was killed from outside, most often because the node had no memory left. "
            "Look at the node's memory, then upload the file again.",
        )
    if -returncode in _OUT_OF_TIME_SIGNALS:
        raise timed_out(spec.parse_seconds)
    if -returncode in _OUT_OF_MEMORY_SIGNALS:
        raise out_of_memory(spec.parse_memory_bytes)
    if returncode < 0:
        raise damaged("Reading the file crashed the parser.")
    raise EngineFault("parser_failed", "The parser ended unexpectedly; the engine's log has the details.")


def timed_out(seconds: float) -> UserError:
    return UserError(
        "parse_timeout",
        f"Reading the file took longer than {seconds:g} seconds. Split it into smaller files and upload those.",
    )


def out_of_memory(limit_bytes: int) -> UserError:
    return UserError(
        "parse_out_of_memory",
        f"Reading the file needs more than {limit_bytes // 1024**2} MB of memory. "
        "Split it into smaller files and upload those.",
    )


def _has_descriptor(stream: Any) -> bool:
    try:
        stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True
