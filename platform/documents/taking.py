"""The files of an archive or a source become documents: new ones, and new revisions of those that changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction

from audit.services import Actor
from common.errors import InvalidRequest, KoshaError
from common.storage import SizeExceeded, file_chunks, receive
from common.tenancy import current_organization_id
from documents.models import Document, Purpose
from documents.services import clean_name, file_too_large, revision_add
from workers.contract.listing import ListedFile
from workers.contract.media_types import ENDINGS, JSONL

SMALLEST_MASS = 20
"""Fewer documents may all go at once."""
MOST_TOLD = 20


class FileDamaged(Exception):
    """The file on the disk is not the one that was listed."""


@dataclass
class Refused:
    """Files that do not become documents, and why."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str, error: KoshaError) -> None:
        self.count += 1
        if self.count <= MOST_TOLD:
            self.first.append(f"{name} ({error.code})")

    def warnings(self) -> list[str]:
        """As those of an engine: how many and which."""
        more = ", …" if self.count > MOST_TOLD else ""
        return [f"files_not_taken:{self.count}:{', '.join(self.first)}{more}"] if self.count else []


def is_mass_removal(gone: int, held: int) -> bool:
    """Whether so many of the documents go that a person has to say so: a folder that is not mounted looks empty."""
    return held >= SMALLEST_MASS and 2 * gone > held


def purpose_of(name: str, purpose: str) -> str:
    """A JSONL file holds training conversations; everything else has the purpose of the whole."""
    return Purpose.FINE_TUNE if name.lower().endswith(ENDINGS[JSONL]) else purpose


def file_take(
    *,
    file: ListedFile,
    path: Path,
    name: str,
    purpose: str,
    actor: Actor,
    is_own: Callable[[Document], bool],
    archive: Document | None = None,
    check: Callable[[], None] = lambda: None,
    then: Callable[[Document], None] = lambda document: None,
) -> Document:
    """Make the listed file at `path` a document. `check` is called in the transaction before anything is written, `then` at
    its end.

    Raises KoshaError where it cannot be one, and FileDamaged. The connection is kept: a lock of the caller may be on it.
    """
    name = clean_name(name)
    if file.size == 0:
        raise InvalidRequest("empty_file", "The file is empty.")
    try:
        incoming = receive(
            current_organization_id(), file_chunks(path), maximum_bytes=settings.KOSHA_MAX_UPLOAD_BYTES
        )
    except SizeExceeded as error:
        raise file_too_large() from error
    with incoming:
        if incoming.sha256 != file.sha256:
            raise FileDamaged
        with transaction.atomic():
            check()
            document = revision_add(
                name=name,
                purpose=purpose_of(name, purpose),
                incoming=incoming,
                media_type="",
                actor=actor,
                archive=archive,
                is_own=is_own,
            )
            then(document)
            return document
