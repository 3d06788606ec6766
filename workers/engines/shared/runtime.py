"""What every engine process shares: config, events, heartbeat, stop requests and exit codes.

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
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import ValidationError

from workers.contract.atomic_files import write_json
from workers.contract.run_folder import RunFolder
from workers.contract.spec import Spec
from workers.contract.specs.ingest import FileOutcome
from workers.contract.specs.run import (
    VALUE_LENGTH,
    ErrorValue,
    ExitCode,
    RunConfig,
    RunError,
    RunResult,
    RunStatus,
)

HEARTBEAT_SECONDS = 2.0
RESULT_TIMEOUT_SECONDS = 60.0
DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
DISK_FULL_BYTES = 1 << 20
"""With less space left than this, an unexpected error counts as a full disk."""

SpecT = TypeVar("SpecT", bound=Spec)


class EngineError(Exception):
    """A failure with a stable code. `code` lacks the engine's name, for example `user.empty_dataset`.

    `message` is the English sentence. `values` are those of `RunError`: every figure and name in the sentence; None is left out.
    """

    cause: ClassVar[Literal["user", "system"]]
    """The first part of `code`."""

    def __init__(
        self, code: str, message: str, *, param: str | None = None, **values: ErrorValue | None
    ) -> None:
        super().__init__(message)
        self.code = f"{self.cause}.{code}"
        self.message = message
        self.param = param
        self.values = {name: _bounded(value) for name, value in values.items() if value is not None}

    def of(self, engine: str) -> RunError:
        return RunError(
            code=f"{engine}.{self.code}", message=self.message, param=self.param, values=self.values
        )


class UserError(EngineError):
    """The input or the settings are wrong. Another attempt cannot help."""

    cause = "user"


class EngineFault(EngineError):
    """The machine or the software failed. Another attempt may succeed."""

    cause = "system"


def _bounded(value: ErrorValue) -> ErrorValue:
    return value[:VALUE_LENGTH] if isinstance(value, str) else value


class RunStopped(Exception):
    """A stop was requested, and the engine has saved its state."""

    def __init__(self, step: int | None = None) -> None:
        super().__init__("stopped on request")
        self.step = step


class Run:
    """One attempt of a job: its config, its event stream and whether a stop was requested."""

    def __init__(self, config: RunConfig, *, rank: int = 0) -> None:
        self.config = config
        self.directory = config.run_dir
        self.directory.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(self.directory)
        self.output_dir = folder.output
        self.output_dir.mkdir(exist_ok=True)
        # Not a threading.Event: a signal handler that sets one may wait for a lock held by its own thread.
        self._is_stop_requested = False
        self._lock = threading.Lock()
        self._sequence = 0
        # Ranks other than 0 of a distributed run share the folder and write no events.
        self._events = None if rank else open(folder.events, "ab", buffering=0)  # noqa: SIM115
        self._ends_mid_line = False
        self._heartbeat = folder.heartbeat(rank)
        self._finished = threading.Event()
        # Not the lock of events: an event that waits for a slow disk must not stop the heartbeat.
        self._heartbeat_lock = threading.Lock()

    # -- events ---------------------------------------------------------------------------
    def _write(self, type_: str, **fields: Any) -> None:
        if self._events is None:
            return
        with self._lock:
            event = {"type": type_, "sequence": self._sequence, "time": time.time(), **fields}
            self._sequence += 1
            line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
            # After half a line (the disk was full) a new line is started, so that only one event is lost.
            line = b"\n" + line if self._ends_mid_line else line
            self._ends_mid_line = True
            # One write call for each line: a reader sees half a line only when the disk is full.
            if self._events.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._ends_mid_line = False

    def started(self, resumed_from_step: int | None = None) -> None:
        self._write(
            "started", pid=os.getpid(), host=socket.gethostname(), resumed_from_step=resumed_from_step
        )

    def progress(self, done: float, total: float, unit: str, seconds_left: float | None = None) -> None:
        self._write("progress", done=done, total=total, unit=unit, seconds_left=seconds_left)

    def metrics(self, step: int, **values: float) -> None:
        """A point of a curve. Infinity and NaN are left out: JSON has no such values."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self._write("metrics", step=step, values=finite)

    def checkpoint(self, step: int, path: Path, manifest_sha256: str, **values: float) -> None:
        place = path.relative_to(self.directory).as_posix()
        self._write("checkpoint", step=step, path=place, manifest_sha256=manifest_sha256, values=values)

    def log(self, message: str, *, level: str = "info", **data: Any) -> None:
        self._write("log", level=level, message=message, data=data)

    def file_read(self, outcome: FileOutcome) -> None:
        self._write("file", outcome=outcome.model_dump(mode="json"))

    def stopped(self, step: int | None) -> None:
        self._write("stopped", step=step)

    # -- stopping -------------------------------------------------------------------------
    def request_stop(self) -> None:
        self._is_stop_requested = True

    @property
    def stop_requested(self) -> bool:
        return self._is_stop_requested

    def raise_if_stopped(self) -> None:
        """For engines with nothing to save."""
        if self.stop_requested:
            raise RunStopped

    # -- end ------------------------------------------------------------------------------
    def finish(self, result: RunResult) -> None:
        """Write the result. On a full disk this is repeated for RESULT_TIMEOUT_SECONDS, so as not to lose it."""
        if self._events is not None:
            deadline = time.monotonic() + RESULT_TIMEOUT_SECONDS
            while True:
                is_last = time.monotonic() > deadline
                try:
                    write_json(RunFolder(self.directory).result, result.model_dump(mode="json"))
                    break
                except OSError as error:
                    if error.errno not in DISK_FULL_ERRNOS or is_last:
                        raise
                time.sleep(1)
            self._events.close()
        with self._heartbeat_lock:
            self._finished.set()
            if self._events is None:
                # Other ranks may still run. The slowest heartbeat counts, so this one is removed.
                self._heartbeat.unlink(missing_ok=True)

    def beat(self) -> None:
        """Touch this rank's heartbeat file until the run ends: it shows that a silent engine is alive."""
        while not self._finished.wait(HEARTBEAT_SECONDS):
            # A disk too full for a new file must not end the heartbeat.
            with self._heartbeat_lock, contextlib.suppress(OSError):
                if not self._finished.is_set():
                    self._heartbeat.touch()


def run_engine(
    name: str, spec_class: type[SpecT], work: Callable[[Run, SpecT], Spec | dict[str, Any]]
) -> None:
    """Run `work(run, spec)` for the config named on the command line and exit by `ExitCode`.

    `work` returns the engine's result; it raises UserError, EngineFault or RunStopped.
    Anything else it raises is a failure of the system whose traceback goes to stderr only.
    """
    try:
        config = RunConfig.model_validate_json(Path(sys.argv[1]).read_bytes())
        run = Run(config, rank=int(os.environ.get("RANK", "0")))
        signal.signal(signal.SIGTERM, lambda *_: run.request_stop())
        signal.signal(signal.SIGINT, lambda *_: run.request_stop())
        threading.Thread(target=run.beat, name="heartbeat", daemon=True).start()
        code = _run(name, spec_class, work, run)
    except OSError as error:
        # Not even the result could be written, so only the exit code is left.
        _print_traceback()
        code = ExitCode.DISK_FULL if error.errno in DISK_FULL_ERRNOS else ExitCode.SYSTEM_ERROR
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    # Not sys.exit: the interpreter would exit with a code of its own if the log could not be written.
    os._exit(code)


def _print_traceback() -> None:
    # The engine's log may be on the very disk that is full.
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
        failure = RunError(
            code=f"{name}.user.invalid_spec",
            message=first["msg"],
            param=field,
            values={"field": field[:VALUE_LENGTH]},
        )
        return _fail(run, failure, ExitCode.USER_ERROR)
    except RunStopped as stop:
        run.stopped(stop.step)
        run.finish(RunResult(status=RunStatus.STOPPED))
        return ExitCode.STOPPED
    except EngineError as error:
        by_user = isinstance(error, UserError)
        return _fail(run, error.of(name), ExitCode.USER_ERROR if by_user else ExitCode.SYSTEM_ERROR)
    except MemoryError:
        failure = RunError(
            code=f"{name}.system.out_of_memory",
            message="The node ran out of memory. Ask for fewer tokens per step or a larger node.",
        )
        return _fail(run, failure, ExitCode.SYSTEM_ERROR)
    except Exception as error:  # the last handler of the process: everything must end with a code
        # Classified before anything is written, because the disk is asked for its free space.
        what, message, values = _classify_unexpected(error, run.directory)
        _print_traceback()
        failure = RunError(code=f"{name}.system.{what}", message=message, values=values)
        return _fail(run, failure, ExitCode.SYSTEM_ERROR)
    run.finish(
        RunResult(
            status=RunStatus.SUCCEEDED,
            output=output.model_dump(mode="json") if isinstance(output, Spec) else output,
        )
    )
    return ExitCode.DONE


def _classify_unexpected(error: Exception, folder: Path) -> tuple[str, str, dict[str, ErrorValue]]:
    """The code, the message and its values for an error that the engine did not expect."""
    if _is_disk_full(error, folder):
        return (
            "disk_full",
            "The disk of the node is full. Free some space on it; the run is then tried again.",
            {},
        )
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        message = f"Reading or writing failed: {reason}. Look at the node's disk."
        return "io_error", message, {"error": errno.errorcode.get(error.errno or 0, type(error).__name__)}
    return (
        "unexpected",
        f"Unexpected {type(error).__name__}; the engine's log on the node has the details.",
        {"error": type(error).__name__},
    )


def _is_disk_full(error: Exception, folder: Path) -> bool:
    """Whether the error means a full disk.

    safetensors only mentions it in its message; torch and numpy report something else. Therefore the disk
    is asked for its free space, too.
    """
    if isinstance(error, OSError) and error.errno in DISK_FULL_ERRNOS:
        return True
    if any(f"(os error {number})" in str(error) for number in DISK_FULL_ERRNOS):
        return True
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < DISK_FULL_BYTES


def _fail(run: Run, error: RunError, code: int) -> int:
    with contextlib.suppress(OSError):
        run.log(error.message, level="error", code=error.code, param=error.param, values=error.values)
    run.finish(RunResult(status=RunStatus.FAILED, error=error))
    return code
