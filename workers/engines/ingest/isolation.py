"""Reads files in a sandbox, and goes on whatever a file does to it.

Uploaded files are not trusted. Each is read by a process of its own in a sandbox, the strongest that this machine offers. It
is chosen again for each batch of files, which costs milliseconds: nothing that may have changed on the machine is taken for
granted.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar, get_args

from workers.contract.records import DocumentOrigin, FileRecord, MessagesRecord, Page, TextRecord
from workers.contract.specs.ingest import IngestSpec, Isolation
from workers.engines.ingest.failures import failure_of, timed_out, too_much_text
from workers.engines.ingest.ocr.engines import folders as ocr_folders
from workers.engines.ingest.old_office import converted
from workers.engines.ingest.parsers.registry import PackedBytes, PackedFile, all_parsers
from workers.engines.ingest.reading import Description, Drawn, Output, ToConvert
from workers.engines.ingest.sandbox.code_folders import code_folders
from workers.engines.ingest.sandbox.lines import Lines, TooLong
from workers.engines.ingest.sandbox.messages import (
    Failed,
    Message,
    Progress,
    Ready,
    Refused,
    Unavailable,
    decode,
)
from workers.engines.ingest.sandbox.process import Reading, start
from workers.engines.ingest.sandbox.task import DRAWER, PREPARE, READER, READER_AS_IS, RECOGNIZER, Task, View
from workers.engines.shared.runtime import EngineFault, Run, UserError

# Their modules are imported here, once, and not again in each sandbox that is forked.
all_parsers()
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
"""Where pdfium looks for fonts."""
Numbered = TypeVar("Numbered", Page, Drawn)
File = tuple[IngestSpec, BinaryIO]
START_SECONDS = 60.0
END_SECONDS = 1.0


class Reader:
    """Reads files of one organization, one after another. A sandbox that had to be ended is made anew for the files that follow.

    `views` are tried in this order. `folders` are shown beside the code.
    """

    def __init__(
        self,
        run: Run,
        files: Sequence[File],
        *,
        views: Iterable[View] = get_args(View),
        reader: str = READER,
        folders: Iterable[Path] = (),
    ) -> None:
        """`files`: in their order, under the same limits; open as long as this is used."""
        self._run = run
        self._files = tuple(files)
        self._views = tuple(views)
        self._reader = reader
        self._folders = tuple(folders)
        self._next = 0
        self._sandbox: Reading | None = None
        self._first = 0
        """The number of the file that the sandbox began with."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._sandbox is None:
            return
        # Its processes wait for one another: killed, the first would leave the next to this machine's init.
        if self._next == len(self._files):
            with suppress(TimeoutError):
                self._sandbox.wait(time.monotonic() + END_SECONDS)
        self._sandbox.end()

    def read(self, output: Output) -> tuple[Description | ToConvert, Isolation]:
        """What the next file is; its pages have been put out. Raises UserError where the file is the cause, also of a crash."""
        number = self._next
        self._next += 1
        spec, _ = self._files[number]
        sandbox, lines, ready = self._start(number) if self._sandbox is None else self._go_on(number)
        number -= self._first
        until = _fixed_deadline(spec.parse_seconds)
        try:
            messages = _messages(self._run, spec, lines, until, partial(sandbox.end_of, number))
            return _put_out(messages, spec, output), ready.isolation
        finally:
            self._keep_or_end(sandbox, number)

    def _start(self, number: int) -> tuple[Reading, Lines, Ready]:
        """A sandbox for the files from this one on."""
        specs = [spec for spec, _ in self._files[number:]]
        data = (self._run.directory, *(spec.path for spec in specs))
        shown = (*code_folders(data=data), *self._folders)
        tasks = [_task(view, self._run, specs, shown, reader=self._reader) for view in self._views]
        self._first = number
        self._sandbox, lines, ready = _strongest(self._run, tasks, [file for _, file in self._files[number:]])
        return self._sandbox, lines, ready

    def _go_on(self, number: int) -> tuple[Reading, Lines, Ready]:
        assert self._sandbox is not None
        sandbox, number = self._sandbox, number - self._first
        lines = Lines(sandbox.outputs[number], 4 * self._files[0][0].max_expanded_bytes)
        answer = _first_message(self._run, lines)
        if isinstance(answer, Ready):
            return sandbox, lines, answer
        self._keep_or_end(sandbox, number)
        raise EngineFault("parser_failed", f"The process for the file was not confined: {answer.reason}")

    def _keep_or_end(self, sandbox: Reading, number: int) -> None:
        """Kept for the next file where the process of this one has ended in it."""
        with suppress(TimeoutError):
            if sandbox.has_ended(number, time.monotonic() + END_SECONDS):
                return
        sandbox.end()
        self._sandbox = None


def read_in_sandbox(
    run: Run,
    spec: IngestSpec,
    output: Output,
    *,
    views: Iterable[View] = get_args(View),
    reader: str = READER,
    folders: Iterable[Path] = (),
) -> tuple[Description, Isolation]:
    """As `Reader.read` for one file. One in an old format of Office is converted, and read in a sandbox again."""
    views, folders = tuple(views), tuple(folders)

    def read(spec: IngestSpec, reader: str) -> tuple[Description | ToConvert, Isolation]:
        with (
            open(spec.path, "rb") as file,
            Reader(run, [(spec, file)], views=views, reader=reader, folders=folders) as one,
        ):
            return one.read(output)

    found, isolation = read(spec, reader)
    if isinstance(found, Description):
        return found, isolation
    with converted(run, spec, found.media_type, _mapped_bytes()) as new:
        described, isolation = read(spec, READER_AS_IS) if new is None else read(new, reader)
    if isinstance(described, ToConvert):
        raise EngineFault("parser_failed", "The converted file is in an old format again.")
    return described.model_copy(update={"media_type": found.media_type}), isolation


def recognize_in_sandbox(run: Run, spec: IngestSpec, pages: Sequence[int]) -> Generator[Page]:
    """The pages with the text of their pictures, one after another; `spec` names an engine that is installed.

    Raises UserError where a page is the cause. Each has a time of its own.
    """
    assert spec.ocr in ("rapidocr", "tesseract")
    task = {"reader": RECOGNIZER, "prepare": PREPARE}
    return _page_by_page(run, spec, pages, Page, spec.ocr_seconds, ocr_folders(spec.ocr), task)


def draw_in_sandbox(run: Run, spec: IngestSpec, pages: Sequence[int]) -> Generator[Drawn]:
    """The pictures of the pages, one after another. Raises UserError where a page is the cause. Each has the time of `spec`."""
    # Texts in fonts that the file does not hold are drawn with those of the machine.
    fonts = [folder for folder in FONT_FOLDERS if folder.is_dir()]
    return _page_by_page(run, spec, pages, Drawn, spec.parse_seconds, fonts, {"reader": DRAWER})


def _page_by_page(
    run: Run,
    spec: IngestSpec,
    pages: Sequence[int],
    kind: type[Numbered],
    seconds: float,
    folders: Iterable[Path],
    task: Mapping[str, str],
) -> Generator[Numbered]:
    shown = (*code_folders(data=(run.directory, spec.path)), *folders)
    # The processor's time is limited for all pages together, that on the clock for each.
    together = spec.model_copy(update={"parse_seconds": seconds * len(pages)})
    tasks = [_task(view, run, [together], shown, pages=tuple(pages), **task) for view in get_args(View)]
    wanted = iter(pages)
    with _sandbox(run, tasks) as (sandbox, lines):
        ended = partial(sandbox.end_of, 0)
        for message in _messages(run, spec, lines, lambda: time.monotonic() + seconds, ended):
            if isinstance(message, Description):
                break
            if isinstance(message, kind):
                if message.number != next(wanted, None):
                    raise _not_accepted()
                yield message
    if next(wanted, None) is not None:
        raise _not_accepted()


@contextmanager
def _sandbox(run: Run, tasks: list[Task]) -> Iterator[tuple[Reading, Lines]]:
    """The strongest of the sandboxes that this machine offers, ended with the block."""
    with open(tasks[0].specs[0].path, "rb") as file:
        sandbox, lines, _ = _strongest(run, tasks, [file])
    try:
        yield sandbox, lines
        with suppress(TimeoutError):
            sandbox.wait(time.monotonic() + END_SECONDS)
    finally:
        sandbox.end()


def _task(view: View, run: Run, specs: Sequence[IngestSpec], folders: tuple[Path, ...], **more: Any) -> Task:
    # A forked process begins with all that this one has mapped; bubblewrap starts a new one.
    mapped = 0 if view == "bubblewrap" else _mapped_bytes()
    return Task(
        view=view,
        specs=tuple(specs),
        folders=folders,
        place=run.directory.resolve(),
        address_space=mapped + specs[0].parse_memory_bytes,
        **more,
    )


def _mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _strongest(run: Run, tasks: list[Task], files: Sequence[BinaryIO]) -> tuple[Reading, Lines, Ready]:
    """The first sandbox that this machine offers, with what comes of its first file."""
    reasons: dict[str, str] = {}
    for task in tasks:
        sandbox = start(task, [file.fileno() for file in files])
        lines = Lines(sandbox.output, 4 * task.specs[0].max_expanded_bytes)
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


def _put_out(messages: Iterable[Message], spec: IngestSpec, output: Output) -> Description | ToConvert:
    for message in messages:
        match message:
            case Page():
                output.page(message)
            case MessagesRecord() | TextRecord():
                if not _is_of(message, spec):
                    raise _not_accepted()
                output.record(message)
            case PackedFile() | PackedBytes():
                output.part(message)
            case Progress():
                output.progress(message.done, message.total)
            case Description() | ToConvert():
                return message
    raise AssertionError("messages end with a description or an error")


def _messages(
    run: Run,
    spec: IngestSpec,
    lines: Lines,
    deadline: Callable[[], float],
    ended: Callable[[float, Callable[[], None]], int],
) -> Iterator[Message]:
    """Each of what is told of a file, to its description; `deadline` is asked before each, `ended` for how its process
    ended before. Raises UserError, EngineFault."""
    until = deadline()
    try:
        while (line := lines.next(until, run.raise_if_stopped)) is not None:
            match message := decode(line):
                case Refused():
                    refused = UserError(message.code, message.message, param=message.param)
                    # Not as keywords: their names are the sandbox's.
                    refused.values = message.values
                    raise refused
                case Failed():
                    sys.stderr.write(
                        "\n  ".join([f"the parser raised {message.error}", *message.places]) + "\n"
                    )
                case _:
                    yield message
                    if isinstance(message, Description | ToConvert):
                        return
            until = deadline()
        # It may have closed its output and go on.
        raise failure_of(ended(until, run.raise_if_stopped), spec)
    except TimeoutError as error:
        raise timed_out(spec.parse_seconds) from error
    except TooLong as error:
        raise too_much_text(lines.limit) from error
    except ValueError as error:
        raise _not_accepted() from error


def _fixed_deadline(seconds: float) -> Callable[[], float]:
    until = time.monotonic() + seconds
    return lambda: until


def _not_accepted() -> EngineFault:
    return EngineFault("parser_failed", "The parser sent what the engine does not accept.")


def _is_of(record: FileRecord, spec: IngestSpec) -> bool:
    """A record that names another document as its source would be cited as that one."""
    source = record.origin.source if isinstance(record.origin, DocumentOrigin) else None
    return source is not None and (source.document_id, source.revision_id) == (
        spec.document_id,
        spec.revision_id,
    )
