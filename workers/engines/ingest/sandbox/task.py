"""What a sandbox is made for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from workers.contract.spec import Spec
from workers.contract.specs.ingest import IngestSpec

View = Literal["namespaces", "bubblewrap", "whole"]
"""How the root folder, network and processes of the machine are hidden: `whole` does not hide them."""
READER = "workers.engines.ingest.reading:read"
RECOGNIZER = "workers.engines.ingest.ocr.pages:recognize"
DRAWER = "workers.engines.ingest.pictures.drawing:draw"
PREPARE = "workers.engines.ingest.ocr.pages:prepare"
READER_AS_IS = "workers.engines.ingest.reading:read_as_is"


class Task(Spec):
    view: View
    specs: tuple[IngestSpec, ...]
    """Of the files to read, all under the same limits."""
    folders: tuple[Path, ...]
    """All that may be opened, to be read: code."""
    place: Path
    """A folder of the run, on which a new root may be mounted."""
    address_space: int
    """Bytes that the process may map, with what it has mapped at its start."""
    reader: str = READER
    """`module:function`, called with the open file, the spec and an Output."""
    prepare: str | None = None
    """`module:function`, called with the first spec before anything is closed: what it loads, the reader has."""
    pages: tuple[int, ...] = ()
    """Of a reader that reads some pages only: passed to it."""
