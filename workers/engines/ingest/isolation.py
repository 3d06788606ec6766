"""Reads a file in a sandbox, and goes on whatever the file does to it.

Uploaded files are not trusted. Each is read by a sandbox of its own, the strongest that this machine offers. It is
chosen again for each file, which costs milliseconds: nothing that may have changed on the machine is taken for granted.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, get_args

from workers.contract.records import DocumentOrigin, FileRecord, MessagesRecord, Page, TextRecord
from workers.contract.specs.ingest import IngestSpec, Isolation
from workers.engines.ingest.failures import failure_of, timed_out, too_much_text
from workers.engines.ingest.reading import Description, Output
from workers.engines.ingest.sandbox.code_folders import code_folders
from workers.engines.ingest.sandbox.lines import Lines, TooLong
from workers.engines.ingest.sandbox.messages import Failed, Progress, Ready, Refused, Unavailable, decode
from workers.engines.ingest.sandbox.process import Sandbox, start
from workers.engines.ingest.sandbox.task import READER, Task, View
from workers.engines.shared.runtime import EngineFault, Run, UserError

START_SECONDS = 60.0
END_SECONDS = 1.0


def read_in_sandbox(
    run: Run,
    spec: IngestSpec,
    output: Output,
    *,
    views: Iterable[View] = get_args(View),
    reader: str = READER,
    folders: Iterable[Path] = (),
) -> tuple[Description, Isolation]:
    """What the file is; its pages have been put out. Raises UserError where the file is the cause, also of a crash.

    `views` are tried in this order. `folders` are shown beside the code.
    """
    shown = (*code_folders(data=(run.directory, spec.path)), *folders)
    with open(spec.path, "rb") as file:
        tasks = [_task(view, run, spec, reader, shown) for view in views]
        sandbox, lines, ready = _strongest(run, tasks, file)
        try:
            found = _read(run, spec, sandbox, lines, output)
            # Its processes wait for one another: killed, the first would leave the next to this machine's init.
            with suppress(TimeoutError):
                sandbox.wait(time.monotonic() + END_SECONDS)
            return found, ready.isolation
        finally:
            sandbox.end()


def _task(view: View, run: Run, spec: IngestSpec, reader: str, folders: tuple[Path, ...]) -> Task:
    # A forked process begins with all that this one has mapped; bubblewrap starts a new one.
    mapped = 0 if view == "bubblewrap" else _mapped_bytes()
    return Task(
        view=view,
        spec=spec,
        folders=folders,
        place=run.directory.resolve(),
        address_space=mapped + spec.parse_memory_bytes,
        reader=reader,
    )


def _mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _strongest(run: Run, tasks: list[Task], file: BinaryIO) -> tuple[Sandbox, Lines, Ready]:
    """The first sandbox that this machine offers."""
    reasons: dict[str, str] = {}
    for task in tasks:
        sandbox = start(task, file.fileno())
        lines = Lines(sandbox.output, 4 * task.spec.max_expanded_bytes)
        try:
            answer = _first_message(run, lines)
        except BaseException:
            sandbox.end()
            raise
        if isinstance(answer, Ready):
            layers = answer.model_dump(mode="json")
            run.log(
                f"The file is read in a sandbox: {answer.isolation}.",
                code="sandboxed",
                isolation=answer.isolation,
                sandbox=layers,
                unavailable=reasons,
            )
            return sandbox, lines, answer
        sandbox.end()
        reasons[task.view] = answer.reason
    run.log("No sandbox could be made.", level="error", code="no_sandbox", unavailable=reasons)
    raise EngineFault("no_sandbox", "No sandbox could be made for the parser; the job's log says why.")


def _first_message(run: Run, lines: Lines) -> Ready | Unavailable:
    try:
        line = lines.next(time.monotonic() + START_SECONDS, run.raise_if_stopped)
        message = decode(line) if line is not None else None
    except (TimeoutError, ValueError) as error:
        return Unavailable(reason=type(error).__name__)
    return (
        message if isinstance(message, Ready | Unavailable) else Unavailable(reason="it ended at its start")
    )


def _read(run: Run, spec: IngestSpec, sandbox: Sandbox, lines: Lines, output: Output) -> Description:
    deadline = time.monotonic() + spec.parse_seconds
    try:
        while (line := lines.next(deadline, run.raise_if_stopped)) is not None:
            match message := decode(line):
                case Page():
                    output.page(message)
                case MessagesRecord() | TextRecord():
                    _check_source(message, spec)
                    output.record(message)
                case Progress():
                    output.progress(message.done, message.total)
                case Description():
                    return message
                case Refused():
                    raise UserError(message.code, message.message, param=message.param)
                case Failed():
                    sys.stderr.write(
                        "\n  ".join([f"the parser raised {message.error}", *message.places]) + "\n"
                    )
        # It may have closed its output and go on.
        raise failure_of(sandbox.wait(deadline, run.raise_if_stopped), spec)
    except TimeoutError as error:
        raise timed_out(spec.parse_seconds) from error
    except TooLong as error:
        raise too_much_text(lines.limit) from error
    except ValueError as error:
        raise EngineFault("parser_failed", "The parser sent what the engine does not accept.") from error


def _check_source(record: FileRecord, spec: IngestSpec) -> None:
    """A record that names another document as its source would be cited as that one."""
    source = record.origin.source if isinstance(record.origin, DocumentOrigin) else None
    if source is None or (source.document_id, source.revision_id) != (spec.document_id, spec.revision_id):
        raise ValueError("a record of another document")
