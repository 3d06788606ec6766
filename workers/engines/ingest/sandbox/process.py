"""The processes of a sandbox: from the engine's child to the one that reads."""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from workers.contract.run_folder import RUN_DIR_VARIABLE
from workers.engines.ingest.failures import out_of_memory
from workers.engines.ingest.reading import Output
from workers.engines.ingest.sandbox.bubblewrap import run_in_bubblewrap
from workers.engines.ingest.sandbox.confinement import confine
from workers.engines.ingest.sandbox.kernel import die_with_parent
from workers.engines.ingest.sandbox.messages import (
    MESSAGE_LENGTH,
    PARAM_LENGTH,
    Failed,
    Message,
    Progress,
    Refused,
    Unavailable,
    encode,
)
from workers.engines.ingest.sandbox.namespaces import enter_namespaces
from workers.engines.ingest.sandbox.task import Task
from workers.engines.shared.runtime import UserError

FILE, OUTPUT = 3, 4
"""The only open descriptors of a sandbox, beside three to nowhere."""
_LOWEST_FREE = 10
_POLL_SECONDS = 0.002
_SIGNALED = 128


@dataclass
class Sandbox:
    """A running sandbox, as the engine sees it."""

    pid: int
    output: int
    """The descriptor that its messages come from."""
    _code: int | None = None

    def wait(self, deadline: float, check: Callable[[], None] = lambda: None) -> int:
        """How it ended: 0, a code of its own, or minus a signal. Raises TimeoutError, and what `check` raises."""
        while (code := self._reap(os.WNOHANG)) is None:
            check()
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(_POLL_SECONDS)
        return code

    def end(self) -> None:
        """Kill what is left of it; all of its processes end with the first."""
        if self._reap(os.WNOHANG) is None:
            with suppress(PermissionError):
                os.kill(self.pid, signal.SIGKILL)
            self._reap(0)
        os.close(self.output)

    def _reap(self, options: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self._code = _SIGNALED - code if code > _SIGNALED else code
        return self._code


def start(task: Task, file: int) -> Sandbox:
    """Fork: the child has the parsers that this process has imported, and needs no interpreter of its own to start."""
    return forked(file, lambda: _confined(task))


def forked(file: int, work: Callable[[], int]) -> Sandbox:
    """`work` is done in a child with FILE and OUTPUT; the child ends with the code that it returns."""
    output, for_child = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(work, file, for_child)
    os.close(for_child)
    return Sandbox(pid, output)


def _child(work: Callable[[], int], file: int, output: int) -> NoReturn:
    code = 1
    try:
        # What the engine has left to be collected may own descriptors, whose numbers mean other files here.
        gc.freeze()
        # Apart from the engine's group, which is asked to stop as a whole; in its session, whose niceness it keeps.
        os.setpgrp()
        die_with_parent()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        _keep_open(file, output)
        _keep_variables()
        code = work()
    except Exception as error:
        _send(Unavailable(reason=f"{type(error).__name__}: {error}"))
    finally:
        os._exit(code)


def _confined(task: Task) -> int:
    if task.view == "bubblewrap":
        run_in_bubblewrap(task)
    if task.view == "namespaces":
        enter_namespaces(task.folders, task.place)
        # The first process of a namespace of processes is spared most signals, its child is not.
        continue_in_child()
        continue_in_child()
    return serve(task)


def _keep_open(file: int, output: int) -> None:
    """Close everything but the two, which become FILE and OUTPUT."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    kept = [
        fcntl.fcntl(each, fcntl.F_DUPFD, _LOWEST_FREE) for each in (nowhere, nowhere, nowhere, file, output)
    ]
    for number, each in enumerate(kept):
        os.dup2(each, number)
    _close_others()


def _close_others() -> None:
    os.closerange(OUTPUT + 1, os.sysconf("SC_OPEN_MAX"))


def _keep_variables() -> None:
    """The platform finds the processes of a run by the variable of its folder; libraries start no threads."""
    kept = {name: os.environ[name] for name in ("PATH", RUN_DIR_VARIABLE) if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, LANG="C.UTF-8", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def continue_in_child() -> None:
    """Only a child returns; this process waits for it and ends as it does."""
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        # Libraries may open descriptors when their process has forked.
        _close_others()
        return
    os.closerange(FILE, OUTPUT + 1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os._exit(code if code >= 0 else _SIGNALED - code)


def serve(task: Task) -> int:
    """Confine this process, read FILE and write what was found to OUTPUT; the exit code. Raises what stands in the way of that."""
    read = _function(task.reader)
    if task.pages:
        read = partial(read, pages=task.pages)
    if task.prepare:
        _function(task.prepare)(task.spec)
    _send(confine(task))
    with os.fdopen(FILE, "rb") as file, os.fdopen(OUTPUT, "wb") as output:

        def send(message: Message) -> None:
            output.write(encode(message))

        def progress(done: int, total: int) -> None:
            send(Progress(done=done, total=total))
            output.flush()

        try:
            send(read(file, task.spec, Output(progress, send, send, send, send)))
        except UserError as error:
            send(_refused(error))
        except (MemoryError, RecursionError):
            send(_refused(out_of_memory(task.spec.parse_memory_bytes)))
        except Exception as error:
            send(_failed(error))
            return 1
    return 0


def _function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function


def _refused(error: UserError) -> Refused:
    param = error.param and error.param[:PARAM_LENGTH]
    return Refused(
        code=error.code.removeprefix("user."),
        message=error.message[:MESSAGE_LENGTH],
        param=param,
        values=error.values,
    )


def _failed(error: Exception) -> Failed:
    frames = traceback.extract_tb(error.__traceback__, limit=-50)
    places = tuple(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    number = f" {error.errno}" if isinstance(error, OSError) else ""
    return Failed(error=type(error).__name__ + number, places=places)


def _send(message: Message) -> None:
    os.write(OUTPUT, encode(message))
