"""Reads one open file with the parser of its type. Runs in a sandbox (`sandbox/`), in tests also without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from pydantic import ConfigDict, Field

from workers.contract.media_types import OLD_OFFICE, MediaType
from workers.contract.records import FileRecord, Page
from workers.contract.spec import Spec
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import binary_type_of, detect
from workers.engines.ingest.parsers.limits import Report, read_pages
from workers.engines.ingest.parsers.registry import PutPart, all_parsers
from workers.engines.ingest.titles import own_title
from workers.engines.shared.runtime import UserError


class Description(Spec):
    """What a file is, beside its pages."""

    media_type: MediaType
    title: str | None
    warnings: tuple[str, ...]
    unread: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Pages to be recognized (OCR), by the warning that they deserve otherwise; empty without an engine for it."""


class ToConvert(Spec):
    """The file is in an old format, which is read best when it has been converted."""

    media_type: MediaType


class Drawn(Spec):
    """The picture of a page: pixels, which nothing but their number says anything of. An image file made in there could be
    an attack on what shows it."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    number: int
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    pixels: bytes
    """Red, green and blue of each pixel, row by row."""


@dataclass(frozen=True)
class Output:
    """Where a reader puts what it finds, page by page."""

    progress: Report
    page: Callable[[Page], None]
    record: Callable[[FileRecord], None]
    part: PutPart = lambda part: None
    """Of the files of an archive."""
    picture: Callable[[Drawn], None] = lambda picture: None
    """Only what draws pages puts out any."""


def read(file: BinaryIO, spec: IngestSpec, output: Output) -> Description | ToConvert:
    """Raises UserError where the file cannot be read or holds no text; nothing is put out then."""
    media_type = detect(file, spec.name)
    return (
        ToConvert(media_type=media_type)
        if media_type in OLD_OFFICE
        else _read(media_type, file, spec, output)
    )


def read_as_is(file: BinaryIO, spec: IngestSpec, output: Output) -> Description:
    """As `read`, also where it would be better to convert the file."""
    return _read(detect(file, spec.name), file, spec, output)


def _read(media_type: MediaType, file: BinaryIO, spec: IngestSpec, output: Output) -> Description:
    file.seek(0)
    document = all_parsers()[media_type](file, spec)
    if document.unpack is not None:
        return Description(media_type=media_type, title=None, warnings=document.unpack(output.part))
    pages = document.finish(list(read_pages(document, spec, output.progress)))
    unread = tuple((code, tuple(numbers)) for code, numbers in document.unread.items() if numbers)
    can_recognize = spec.ocr != "none"
    if not any(page.text for page in pages) and not (unread and can_recognize):
        raise (no_text(NO_ENGINE, reason="no_engine") if unread else no_text("Upload a version with text."))
    for page in pages:
        output.page(page)
    for record in document.records or ():
        output.record(record)
    return Description(
        media_type=media_type,
        title=own_title(document.title),
        warnings=(
            *(document.warnings if can_recognize else document.all_warnings()),
            *_name_warnings(spec.name, media_type),
        ),
        unread=unread if can_recognize else (),
    )


NO_ENGINE = (
    "Its pages are pictures, and no engine that recognizes text (OCR) is installed or chosen: have your operator "
    "install rapidocr or tesseract-ocr on the machine that reads documents, or upload a version with text."
)


def no_text(more: str, *, reason: str | None = None) -> UserError:
    return UserError("no_text", f"The file holds no text. {more}", reason=reason)


def _name_warnings(name: str, media_type: str) -> list[str]:
    """A document is read by its bytes, also where its name claims another format."""
    named = binary_type_of(name)
    return ["type_differs_from_name"] if named not in (None, media_type) else []
