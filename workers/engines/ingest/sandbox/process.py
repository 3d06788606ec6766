"""The processes of a sandbox: from the engine's child to those that read.

A sandbox is made once for many files. In it each file has a process of its own, which confines itself before it reads:
a file that takes its parser over reaches neither the files before it nor those after it.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from workers.contract.run_folder import RUN_DIR_VARIABLE
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.failures import out_of_memory
from workers.engines.ingest.reading import Output
from workers.engines.ingest.sandbox.bubblewrap import run_in_bubblewrap
from workers.engines.ingest.sandbox.confinement import confine, prepare
from workers.engines.ingest.sandbox.kernel import die_with_parent
from workers.engines.ingest.sandbox.lines import Lines
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
"""The only open descriptors of a process that reads, beside three to nowhere."""
_REPORT_BYTES = 8
"""A code with its sign and the end of its line."""
Read = Callable[..., Any]
"""Called with the open file, its spec and an Output; returns the last message."""
_POLL_SECONDS = 0.002
_SIGNALED = 128


@dataclass
class Sandbox:
    """A running sandbox, as the engine sees it."""

    pid: int
    outputs: tuple[int, ...]
    """The descriptors that its messages come from, one for each file."""
    _code: int | None = None

    @property
    def output(self) -> int:
        return self.outputs[0]

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
        for each in self.outputs:
            os.close(each)

    def _reap(self, options: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self._code = _SIGNALED - code if code > _SIGNALED else code
        return self._code


class Reading(Sandbox):
    """A sandbox in which the files of a task are read, one after another."""

    def __init__(self, pid: int, outputs: tuple[int, ...], reports: int) -> None:
        super().__init__(pid, outputs)
        self._reports = reports
        self._lines = Lines(reports, _REPORT_BYTES * len(outputs))
        self._ends: list[int] = []
        """Of the processes that have read files, in the order of these."""

    def end_of(self, number: int, deadline: float, check: Callable[[], None] = lambda: None) -> int:
        """How the process of a file ended, as `wait` says it of the sandbox; that of the sandbox itself, if it is gone."""
        if self.has_ended(number, deadline, check):
            return self._ends[number]
        return self.wait(deadline, check)

    def has_ended(self, number: int, deadline: float, check: Callable[[], None] = lambda: None) -> bool:
        """False if the sandbox is gone before. Raises TimeoutError, and what `check` raises."""
        while len(self._ends) <= number:
            line = self._lines.next(deadline, check)
            if line is None:
                return False
            self._ends.append(int(line))
        return True

    def end(self) -> None:
        super().end()
        os.close(self._reports)


def start(task: Task, files: Sequence[int]) -> Reading:
    """Fork: the child has the parsers that this process has imported, and needs no interpreter of its own to start."""
    reports, for_reports = os.pipe()
    pipes = [os.pipe() for _ in files]
    kept = [each for file, (_, output) in zip(files, pipes, strict=True) for each in (file, output)]
    pid = _forked([*kept, for_reports], lambda: _confined(task))
    for each in (*(output for _, output in pipes), for_reports):
        os.close(each)
    return Reading(pid, tuple(come for come, _ in pipes), reports)


def forked(file: int, work: Callable[[], int]) -> Sandbox:
    """`work` is done in a child with FILE and OUTPUT; the child ends with the code that it returns."""
    output, for_child = os.pipe()
    pid = _forked([file, for_child], work)
    os.close(for_child)
    return Sandbox(pid, (output,))


def _forked(kept: Sequence[int], work: Callable[[], int]) -> int:
    """The child has the descriptors `kept`, numbered from FILE on."""
    pid = os.fork()
    if pid == 0:
        _child(work, kept)
    return pid


def _child(work: Callable[[], int], kept: Sequence[int]) -> NoReturn:
    code = 1
    try:
        # What the engine has left to be collected may own descriptors, whose numbers mean other files here.
        gc.freeze()
        # Apart from the engine's group, which is asked to stop as a whole; in its session, whose niceness it keeps.
        os.setpgrp()
        die_with_parent()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        _keep_open(kept)
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
        # The first process of a namespace of processes is spared most signals; its children, which read, are not.
        continue_in_child(2 * len(task.specs) + 1)
    return serve(task)


def _keep_open(kept: Sequence[int]) -> None:
    """Close everything but these, which are numbered from FILE on."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    wanted = [nowhere, nowhere, nowhere, *kept]
    # First out of the way of the numbers that they get.
    moved = [fcntl.fcntl(each, fcntl.F_DUPFD, len(wanted)) for each in wanted]
    for number, each in enumerate(moved):
        os.dup2(each, number)
    _close_from(len(wanted))


def _close_from(lowest: int) -> None:
    os.closerange(lowest, os.sysconf("SC_OPEN_MAX"))


def _keep_variables() -> None:
    """The platform finds the processes of a run by the variable of its folder; libraries start no threads."""
    kept = {name: os.environ[name] for name in ("PATH", RUN_DIR_VARIABLE) if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, LANG="C.UTF-8", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def continue_in_child(kept: int = 2) -> None:
    """Only a child returns, with as many descriptors from FILE on; this process waits for it and ends as it does."""
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        # Libraries may open descriptors when their process has forked.
        _close_from(FILE + kept)
        return
    _close_from(FILE)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os._exit(code if code >= 0 else _SIGNALED - code)


def serve(task: Task) -> int:
    """Have each file read by a child of this process, and report its end; the exit code. The descriptors are those of `start`."""
    if task.prepare:
        _function(task.prepare)(task.specs[0])
    prepare(task)
    read = _function(task.reader)
    if task.pages:
        read = partial(read, pages=task.pages)
    reports = FILE + 2 * len(task.specs)
    for number, spec in enumerate(task.specs):
        file, output = FILE + 2 * number, OUTPUT + 2 * number
        pid = os.fork()
        if pid == 0:
            _reader(task, spec, read, file, output)
        os.close(file)
        os.close(output)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(reports, b"%d\n" % code)
    return 0


def _reader(task: Task, spec: IngestSpec, read: Read, file: int, output: int) -> NoReturn:
    code = 1
    try:
        die_with_parent()
        os.dup2(file, FILE)
        os.dup2(output, OUTPUT)
        _close_from(OUTPUT + 1)
        _send(confine(task))
        code = _read_file(spec, read)
    except Exception as error:
        _send(Unavailable(reason=f"{type(error).__name__}: {error}"))
    finally:
        os._exit(code)


def _read_file(spec: IngestSpec, read: Read) -> int:
    """Read FILE from its beginning and write what was found to OUTPUT; the exit code."""
    # The engine has read it, too, and the place in a file belongs to all that have inherited it.
    os.lseek(FILE, 0, os.SEEK_SET)
    with os.fdopen(FILE, "rb") as file, os.fdopen(OUTPUT, "wb") as output:

        def send(message: Message) -> None:
            output.write(encode(message))

        def progress(done: int, total: int) -> None:
            send(Progress(done=done, total=total))
            output.flush()

        try:
            send(read(file, spec, Output(progress, send, send, send, send)))
        except UserError as error:
            send(_refused(error))
        except (MemoryError, RecursionError):
            send(_refused(out_of_memory(spec.parse_memory_bytes)))
        except Exception as error:
            send(_failed(error))
            return 1
    return 0


def _function(name: str) -> Read:
    module, _, attribute = name.partition(":")
    function: Read = getattr(importlib.import_module(module), attribute)
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
