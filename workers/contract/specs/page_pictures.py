"""Some pages of a revision in, their pictures out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from workers.contract.spec import Spec
from workers.contract.specs.ingest import MEBIBYTE

PICTURE_TYPE = "image/webp"


def picture_file(number: int) -> str:
    """The name of a page's picture in the output folder."""
    return f"{number}.webp"


class PagePicturesSpec(Spec):
    """The pages to draw and the limits of the process that draws them."""

    version: Literal[1] = 1
    revision_id: str
    name: str
    """The name the file was uploaded under: a hint between text formats."""
    path: Path
    """The blob on the node's disk."""
    sha256: str
    """Of the uploaded bytes; the file must still have this digest."""
    pages: tuple[int, ...] = Field(min_length=1)
    """Numbers from 1, in the order in which they are drawn."""
    page_seconds: float = Field(default=20.0, gt=0)
    """Longest wall-clock time that one page may take."""
    memory_bytes: int = Field(default=1024 * MEBIBYTE, ge=256 * MEBIBYTE)
    """Most address space the process may take."""


class NotDrawn(Spec):
    """A page that could not be drawn."""

    number: int = Field(ge=1)
    code: str
    """For example `user.damaged_file`."""


class PagePicturesResult(Spec):
    """Output folder: the picture of each page that was drawn, `picture_file`."""

    version: Literal[1] = 1
    drawn: tuple[int, ...]
    """Numbers of pages."""
    not_drawn: tuple[NotDrawn, ...] = ()
    bytes: int = Field(ge=0)
    """Of all pictures together."""
    manifest_sha256: str
