"""Has an old Office file converted (`sandbox/office.py`), and keeps what comes out for the reader of the new format."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.contract.media_types import MediaType
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.failures import timed_out, too_much_text
from workers.engines.ingest.file_types import damaged
from workers.engines.ingest.sandbox.office import (
    FORMATS,
    UNAVAILABLE,
    Conversion,
    office_program,
    start_conversion,
)
from workers.engines.ingest.sandbox.process import Sandbox
from workers.engines.shared.runtime import Run

_POLL_MILLISECONDS = 50
_READ_BYTES = 1 << 20


@contextmanager
def converted(
    run: Run, spec: IngestSpec, media_type: MediaType, mapped_bytes: int
) -> Iterator[IngestSpec | None]:
    """The spec of the converted file, which is there as long as the context is open; None where this machine converts none.

    Raises UserError `damaged_file`, `parse_timeout`, `archive_too_large`.
    """
    program = office_program()
    if program is None:
        yield None
        return
    made = run.directory / f"converted.{FORMATS[media_type][1]}"
    task = Conversion(
        program=program,
        media_type=media_type,
        place=run.directory.resolve(),
        address_space=mapped_bytes + spec.parse_memory_bytes,
        seconds=spec.parse_seconds,
        workspace_bytes=spec.max_expanded_bytes,
    )
    try:
        if not _convert(run, spec, task, made):
            yield None
            return
        run.log("LibreOffice has converted the file; no macro was run.", code="office_converted")
        # Pages without text are told and not recognized: the engine would look for them in the file as it was uploaded.
        new = {"path": made, "name": f"{spec.name}.{FORMATS[media_type][1]}", "ocr": "none"}
        yield spec.model_copy(update=new)
    finally:
        made.unlink(missing_ok=True)


def _convert(run: Run, spec: IngestSpec, task: Conversion, made: Path) -> bool:
    """False where this machine offers no sandbox to convert in."""
    deadline = time.monotonic() + spec.parse_seconds
    with open(spec.path, "rb") as file:
        sandbox = start_conversion(task, file.fileno())
    try:
        written = _receive(run, spec, sandbox, made, deadline)
        code = sandbox.wait(deadline, run.raise_if_stopped)
    except TimeoutError as error:
        raise timed_out(spec.parse_seconds) from error
    finally:
        sandbox.end()
    if code == UNAVAILABLE:
        run.log(
            "LibreOffice is installed, but this machine offers no sandbox to run it in.",
            level="warning",
            code="office_not_confined",
        )
        return False
    if code != 0 or not written:
        raise damaged(
            "LibreOffice cannot open the document. It may also be protected by a password.",
            reason="libreoffice",
        )
    return True


def _receive(run: Run, spec: IngestSpec, sandbox: Sandbox, made: Path, deadline: float) -> int:
    """Write what comes out to `made`; how many bytes it was."""
    poll = select.poll()
    poll.register(sandbox.output, select.POLLIN)
    total = 0
    with open(made, "wb") as target:
        while True:
            run.raise_if_stopped()
            if time.monotonic() > deadline:
                raise TimeoutError
            if not poll.poll(_POLL_MILLISECONDS):
                continue
            chunk = os.read(sandbox.output, _READ_BYTES)
            if not chunk:
                return total
            total += len(chunk)
            if total > spec.max_expanded_bytes:
                raise too_much_text(spec.max_expanded_bytes)
            target.write(chunk)
