"""What every engine process shares: read the config, write events, obey SIGTERM, exit by rule.

An engine's entry point is three lines:

    def main() -> None:
        run_engine("train", TrainSpec, train)

    if __name__ == "__main__":
        main()

and is started as `python -m workers.train config.json`.
"""

from __future__ import annotations

import json
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

from workers.specs.base import Spec
from workers.specs.run import ExitCode, RunConfig, RunError, RunResult, RunStatus

HEARTBEAT_SECONDS = 2.0

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

    def __init__(self, config: RunConfig, *, quiet: bool = False) -> None:
        self.config = config
        self.directory = config.run_dir
        self.directory.mkdir(parents=True, exist_ok=True)
        self.output_dir = self.directory / "output"
        self.output_dir.mkdir(exist_ok=True)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._sequence = 0
        # Ranks other than 0 of a distributed run share the folder but stay silent.
        self._events = None if quiet else open(self.directory / "events.jsonl", "a", encoding="utf-8")  # noqa: SIM115
        self._finished = threading.Event()

    # -- events ---------------------------------------------------------------------------
    def _write(self, type_: str, **fields: Any) -> None:
        if self._events is None:
            return
        with self._lock:
            line = {"type": type_, "sequence": self._sequence, "time": time.time(), **fields}
            self._sequence += 1
            # One write call per line: a reader never sees half a line unless the disk is full.
            self._events.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._events.flush()

    def started(self, resumed_from_step: int | None = None) -> None:
        self._write(
            "started", pid=os.getpid(), host=socket.gethostname(), resumed_from_step=resumed_from_step
        )

    def progress(self, done: float, total: float, unit: str, seconds_left: float | None = None) -> None:
        self._write("progress", done=done, total=total, unit=unit, seconds_left=seconds_left)

    def metrics(self, step: int, **values: float) -> None:
        self._write("metrics", step=step, values=values)

    def checkpoint(self, step: int, path: Path, manifest_sha256: str, **values: float) -> None:
        self._write("checkpoint", step=step, path=str(path), manifest_sha256=manifest_sha256, values=values)

    def log(self, message: str, *, level: str = "info", **data: Any) -> None:
        self._write("log", level=level, message=message, data=data)

    def stopped(self, step: int | None) -> None:
        self._write("stopped", step=step)

    # -- stopping -------------------------------------------------------------------------
    def request_stop(self) -> None:
        self._stop.set()

    @property
    def stop_requested(self) -> bool:
        return self._stop.is_set()

    def raise_if_stopped(self) -> None:
        """For engines with nothing to save: leave at the next safe moment."""
        if self.stop_requested:
            raise StopRequested

    # -- end ------------------------------------------------------------------------------
    def finish(self, result: RunResult) -> None:
        if self._events is not None:
            write_json(self.directory / "result.json", result.model_dump(mode="json"))
            self._events.close()
        self._finished.set()

    def beat(self) -> None:
        """Touch `heartbeat` until the run ends, so that a live but silent engine is seen as alive."""
        path = self.directory / "heartbeat"
        while not self._finished.wait(HEARTBEAT_SECONDS):
            path.touch()


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the whole file or none (temporary file, fsync, rename)."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make a rename inside `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_config(path: Path) -> RunConfig:
    return RunConfig.model_validate_json(path.read_bytes())


def run_engine(
    name: str, spec_class: type[SpecT], work: Callable[[Run, SpecT], Spec | dict[str, Any]]
) -> None:
    """Run `work(run, spec)` for the config named on the command line and exit by `ExitCode`.

    `work` returns the engine's result; it raises UserError, EngineFault or StopRequested.
    Anything else it raises is a `system.unexpected` failure whose traceback goes to stderr only.
    """
    config = load_config(Path(sys.argv[1]))
    run = Run(config, quiet=int(os.environ.get("RANK", "0")) != 0)
    signal.signal(signal.SIGTERM, lambda *_: run.request_stop())
    signal.signal(signal.SIGINT, lambda *_: run.request_stop())
    threading.Thread(target=run.beat, name="heartbeat", daemon=True).start()
    code = _run(name, spec_class, work, run)
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)


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
    except OSError as error:
        traceback.print_exc()
        failure = RunError(
            code=f"{name}.system.{'disk_full' if error.errno == 28 else 'io_error'}",
            message=f"Reading or writing failed: {error.strerror or type(error).__name__}.",
        )
        return _fail(run, failure, ExitCode.SYSTEM_ERROR)
    except Exception as error:  # the border of the process: everything must end with a code
        traceback.print_exc()
        failure = RunError(
            code=f"{name}.system.unexpected",
            message=f"Unexpected {type(error).__name__}; the engine's log on the node has the details.",
        )
        return _fail(run, failure, ExitCode.SYSTEM_ERROR)
    run.finish(
        RunResult(
            status=RunStatus.SUCCEEDED,
            output=output.model_dump(mode="json") if isinstance(output, Spec) else output,
        )
    )
    return ExitCode.DONE


def _fail(run: Run, error: RunError, code: int) -> int:
    run.log(error.message, level="error", code=error.code, param=error.param)
    run.finish(RunResult(status=RunStatus.FAILED, error=error))
    return code
