"""What every engine process shares: read the config, write events, obey SIGTERM, exit by rule.

An engine's entry point is three lines:

    def main() -> None:
        run_engine("training", TrainingSpec, train)

    if __name__ == "__main__":
        main()

and is started as `python -m workers.engines.training config.json`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from workers.contract.atomic_files import write_json
from workers.contract.run_folder import RunFolder
from workers.contract.specs.base import Spec
from workers.contract.specs.run import ExitCode, RunConfig, RunError, RunResult, RunStatus

HEARTBEAT_SECONDS = 2.0
RESULT_PATIENCE_SECONDS = 60.0
FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_BYTES = 1 << 20
"""With less left than this a disk is full, whatever an error says."""

SpecT = TypeVar("SpecT", bound=Spec)


class EngineError(Exception):
    """A failure with a stable code; `code` is without the engine's name: `user.empty_dataset`."""

    def __init__(self, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


class UserError(EngineError):
    """The input or the settings are wrong; trying again cannot help."""

    def __init__(self, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(f"user.{code}", message, param=param)


class EngineFault(EngineError):
    """The machine or the software is at fault; another attempt may succeed."""

    def __init__(self, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(f"system.{code}", message, param=param)


class StopRequested(Exception):
    """Raised by an engine after it has made its state safe because a stop was requested."""

    def __init__(self, step: int | None = None) -> None:
        super().__init__("stopped on request")
        self.step = step


class Run:
    """One attempt: its config, its event stream and whether it was asked to stop."""

    def __init__(self, config: RunConfig, *, rank: int = 0) -> None:
        self.config = config
        self.directory = config.run_dir
        self.directory.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(self.directory)
        self.output_dir = folder.output
        self.output_dir.mkdir(exist_ok=True)
        # No Event: a signal handler that sets one may wait for the lock that its own thread holds.
        self._is_stop_requested = False
        self._lock = threading.Lock()
        self._sequence = 0
        # Ranks other than 0 of a distributed run share the folder but stay silent.
        self._events = None if rank else open(folder.events, "ab", buffering=0)  # noqa: SIM115
        self._is_torn = False
        self._heartbeat = folder.heartbeat(rank)
        self._finished = threading.Event()
        # Not the lock of events: a disk that is slow to take one must not silence an engine that is well.
        self._heartbeat_lock = threading.Lock()

    # -- events ---------------------------------------------------------------------------
    def _write(self, type_: str, **fields: Any) -> None:
        if self._events is None:
            return
        with self._lock:
            event = {"type": type_, "sequence": self._sequence, "time": time.time(), **fields}
            self._sequence += 1
            line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
            # After half a line (the disk was full) a line of its own begins, so that one is lost, not two.
            line = b"\n" + line if self._is_torn else line
            self._is_torn = True
            # One write call per line: a reader never sees half a line unless the disk is full.
            if self._events.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._is_torn = False

    def started(self, resumed_from_step: int | None = None) -> None:
        self._write(
            "started", pid=os.getpid(), host=socket.gethostname(), resumed_from_step=resumed_from_step
        )

    def progress(self, done: float, total: float, unit: str, seconds_left: float | None = None) -> None:
        self._write("progress", done=done, total=total, unit=unit, seconds_left=seconds_left)

    def metrics(self, step: int, **values: float) -> None:
        """A point of a curve; what is not a number has no place on one, nor in JSON."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self._write("metrics", step=step, values=finite)

    def checkpoint(self, step: int, path: Path, manifest_sha256: str, **values: float) -> None:
        place = path.relative_to(self.directory).as_posix()
        self._write("checkpoint", step=step, path=place, manifest_sha256=manifest_sha256, values=values)

    def log(self, message: str, *, level: str = "info", **data: Any) -> None:
        self._write("log", level=level, message=message, data=data)

    def stopped(self, step: int | None) -> None:
        self._write("stopped", step=step)

    # -- stopping -------------------------------------------------------------------------
    def request_stop(self) -> None:
        self._is_stop_requested = True

    @property
    def stop_requested(self) -> bool:
        return self._is_stop_requested

    def raise_if_stopped(self) -> None:
        """For engines with nothing to save: leave at the next safe moment."""
        if self.stop_requested:
            raise StopRequested

    # -- end ------------------------------------------------------------------------------
    def finish(self, result: RunResult) -> None:
        """Leave the result. On a full disk it is tried for a while: hours of work may hang on it."""
        if self._events is not None:
            deadline = time.monotonic() + RESULT_PATIENCE_SECONDS
            while not self._left(result, is_last=time.monotonic() > deadline):
                time.sleep(1)
            self._events.close()
        with self._heartbeat_lock:
            self._finished.set()
            if self._events is None:
                # The others may go on; whoever looks at the slowest heartbeat must not wait for this one.
                self._heartbeat.unlink(missing_ok=True)

    def _left(self, result: RunResult, *, is_last: bool) -> bool:
        try:
            write_json(RunFolder(self.directory).result, result.model_dump(mode="json"))
        except OSError as error:
            if error.errno not in FULL or is_last:
                raise
            return False
        return True

    def beat(self) -> None:
        """Touch this rank's `heartbeat` until the run ends, so that a live but silent engine is seen as alive."""
        while not self._finished.wait(HEARTBEAT_SECONDS):
            # A disk too full for a new file must not silence an engine that is well.
            with self._heartbeat_lock, contextlib.suppress(OSError):
                if not self._finished.is_set():
                    self._heartbeat.touch()


def load_config(path: Path) -> RunConfig:
    return RunConfig.model_validate_json(path.read_bytes())


def run_engine(
    name: str, spec_class: type[SpecT], work: Callable[[Run, SpecT], Spec | dict[str, Any]]
) -> None:
    """Run `work(run, spec)` for the config named on the command line and exit by `ExitCode`.

    `work` returns the engine's result; it raises UserError, EngineFault or StopRequested.
    Anything else it raises is a `system.unexpected` failure whose traceback goes to stderr only.
    """
    try:
        run = Run(load_config(Path(sys.argv[1])), rank=int(os.environ.get("RANK", "0")))
        signal.signal(signal.SIGTERM, lambda *_: run.request_stop())
        signal.signal(signal.SIGINT, lambda *_: run.request_stop())
        threading.Thread(target=run.beat, name="heartbeat", daemon=True).start()
        code = _run(name, spec_class, work, run)
    except OSError as error:
        # Not even the result could be written; the exit code is all that is left to say.
        _trace()
        code = ExitCode.DISK_FULL if error.errno in FULL else ExitCode.SYSTEM_ERROR
    _exit(code)


def _exit(code: int) -> None:
    """Without the interpreter's own end, which answers a log that cannot be written with a code of its own."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def _trace() -> None:
    """The traceback goes to the engine's log, which may lie on the very disk that is full."""
    with contextlib.suppress(OSError):
        traceback.print_exc()


def _run(
    name: str, spec_class: type[SpecT], work: Callable[[Run, SpecT], Spec | dict[str, Any]], run: Run
) -> int:
    try:
        spec = spec_class.model_validate(run.config.spec)
        output = work(run, spec)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        failure = RunError(code=f"{name}.user.invalid_spec", message=first["msg"], param=field)
        return _fail(run, failure, ExitCode.USER_ERROR)
    except StopRequested as stop:
        run.stopped(stop.step)
        run.finish(RunResult(status=RunStatus.STOPPED))
        return ExitCode.STOPPED
    except EngineError as error:
        failure = RunError(code=f"{name}.{error.code}", message=error.message, param=error.param)
        by_user = isinstance(error, UserError)
        return _fail(run, failure, ExitCode.USER_ERROR if by_user else ExitCode.SYSTEM_ERROR)
    except MemoryError:
        failure = RunError(
            code=f"{name}.system.out_of_memory",
            message="The node ran out of memory. Ask for fewer tokens per step or a larger node.",
        )
        return _fail(run, failure, ExitCode.SYSTEM_ERROR)
    except Exception as error:  # the border of the process: everything must end with a code
        # First, for what is written next may make the room that was missing.
        what, message = _trouble(error, run.directory)
        _trace()
        return _fail(run, RunError(code=f"{name}.system.{what}", message=message), ExitCode.SYSTEM_ERROR)
    run.finish(
        RunResult(
            status=RunStatus.SUCCEEDED,
            output=output.model_dump(mode="json") if isinstance(output, Spec) else output,
        )
    )
    return ExitCode.DONE


def _trouble(error: Exception, folder: Path) -> tuple[str, str]:
    """The code and the sentence for an error that the engine did not expect."""
    if _is_disk_full(error, folder):
        return (
            "disk_full",
            "The disk of the node is full. Free some space on it; the run is then tried again.",
        )
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return "io_error", f"Reading or writing failed: {reason}. Look at the node's disk."
    return (
        "unexpected",
        f"Unexpected {type(error).__name__}; the engine's log on the node has the details.",
    )


def _is_disk_full(error: Exception, folder: Path) -> bool:
    """safetensors says it in a sentence, torch and numpy hide it behind one about something else: so the
    disk itself is asked, too."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    if any(f"(os error {number})" in str(error) for number in FULL):
        return True
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < FULL_BYTES


def _fail(run: Run, error: RunError, code: int) -> int:
    with contextlib.suppress(OSError):
        run.log(error.message, level="error", code=error.code, param=error.param)
    run.finish(RunResult(status=RunStatus.FAILED, error=error))
    return code
