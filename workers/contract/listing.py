"""What an archive or a source holds: the lines of `files.jsonl`, and the folder `files` beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from workers.contract.spec import Spec

LISTING_FILE = "files.jsonl"
FILES_FOLDER = "files"


class ListedFile(Spec):
    name: str
    """With its folders, as its owner gave it."""
    size: int = Field(ge=0)
    """Bytes."""
    sha256: str
    stored: str
    """Its name in the folder `files`."""


def stored_name(number: int) -> str:
    """Of the file of this number: the name of an uploaded file never becomes one on the disk."""
    return f"{number:08d}"


def read_listing(folder: Path) -> Iterator[ListedFile]:
    """Raises FileNotFoundError."""
    with open(folder / LISTING_FILE, "rb") as lines:
        for line in lines:
            yield ListedFile.model_validate_json(line)
