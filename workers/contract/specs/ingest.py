"""Ingest: the bytes of one document revision in, its pages as normalised text out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from workers.contract.media_types import MediaType
from workers.contract.spec import Spec
from workers.contract.specs.run import RunError

MEBIBYTE = 1024 * 1024

Isolation = Literal["namespaces", "bubblewrap", "landlock", "system_calls", "limits"]
"""What kept the parser from files, network and other processes, the strongest first: namespaces of its own, the same made
by bubblewrap, Landlock and a filter of system calls, the filter alone, or nothing but limits and another user."""

OcrEngine = Literal["rapidocr", "tesseract"]
"""What recognizes text in pictures (OCR)."""
OcrChoice = Literal["auto", "rapidocr", "tesseract", "none"]
"""`auto`: the first engine that is installed where the file is read."""


class IngestFile(Spec):
    """One revision to read."""

    document_id: str
    revision_id: str
    name: str
    """The name the file was uploaded under; shown in messages, and a hint between text formats."""
    path: Path
    """The blob on the node's disk."""
    sha256: str | None = None
    """Of the uploaded bytes; the file must still have this digest."""
    media_type: str | None = None
    """What the uploader stated: only a hint, the bytes decide."""


class IngestLimits(Spec):
    """What the parser of one file may take."""

    max_bytes: int = Field(default=200 * MEBIBYTE, ge=1)
    """Largest file accepted."""
    parse_seconds: float = Field(default=300.0, gt=0)
    """Longest wall-clock time that the parser may take."""
    parse_memory_bytes: int = Field(default=2048 * MEBIBYTE, ge=256 * MEBIBYTE)
    """Most address space the parser may take."""
    max_pages: int = Field(default=5000, ge=1)
    """Most pages, sheets or slides accepted."""
    max_expanded_bytes: int = Field(default=512 * MEBIBYTE, ge=1)
    """Most bytes an Office file may unpack to."""
    ocr: OcrChoice = "none"
    """What recognizes the text of pictures and scanned pages."""
    ocr_seconds: float = Field(default=120.0, gt=0)
    """Longest wall-clock time that one page may take to be recognized."""


class IngestSpec(IngestFile, IngestLimits):
    """One revision and the limits its parser runs under."""


class IngestBatchSpec(IngestLimits):
    """Revisions of one organization, read one after another under the same limits for each."""

    version: Literal[1] = 1
    files: tuple[IngestFile, ...] = Field(min_length=1)
    is_alone: bool = False
    """Its one file is known to take long, or has ended a batch."""
    batch_seconds: float = Field(default=15.0, gt=0)
    """No file of several is begun after so much time; none may take longer without being read alone."""

    def specs(self) -> tuple[IngestSpec, ...]:
        limits = {name: getattr(self, name) for name in IngestLimits.model_fields}
        return tuple(IngestSpec(**dict(file), **limits) for file in self.files)


class IngestResult(Spec):
    """Of one file. Its folder `output/<revision_id>`: `pages.jsonl` (Page per line), `personal_data.jsonl` (PersonalData per line), for JSONL also
    `records.jsonl` (MessagesRecord), for a ZIP archive `files.jsonl` (ListedFile) and the folder `files`, which the manifest
    does not name: its files are taken out of it."""

    version: Literal[1] = 1
    media_type: MediaType
    title: str | None = None
    """The document's own title where it carries one."""
    masked_title: str | None = None
    """With tokens in place of personal data. None without a title, and in results of earlier releases."""
    pages: int = Field(ge=0)
    characters: int = Field(ge=0)
    """Characters of normalised text over all pages."""
    records: int | None = Field(default=None, ge=0)
    """For JSONL: conversations read. None for everything else."""
    files: int | None = Field(default=None, ge=0)
    """For a ZIP archive: files in it. None for everything else."""
    warnings: tuple[str, ...] = ()
    """Stable words, for example `pages_without_text:2:3, 7` (how many and which): accepted, but worth a look."""
    masked_warnings: tuple[str, ...] | None = None
    """The same with tokens in place of the personal data in names of sheets and attachments; None in older results."""
    isolation: Isolation | None = None
    """How its parser was isolated; None in older results."""
    ocr: OcrEngine | Literal["none"] | None = None
    """The engine for pictures on the machine that read the file, `none` without one; None in older results."""
    recognized: int = Field(default=0, ge=0)
    """Pages whose text was recognized in a picture."""
    sha256: str
    """Of the original bytes as read."""
    manifest_sha256: str
    """Of the output folder's manifest."""


class FileOutcome(Spec):
    """What came of one file of a batch: its result, or its own error; with neither, it has to be read alone."""

    revision_id: str
    result: IngestResult | None = None
    error: RunError | None = None


class IngestBatchResult(Spec):
    version: Literal[1] = 1
    outcomes: tuple[FileOutcome, ...] = ()
    """Of the files that this attempt has come to, in their order."""
