"""Sync: what a folder or a bucket holds now is compared with what was taken from it before; what is new or changed is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from workers.contract.spec import Spec

CHANGES_FILE = "changes.jsonl"
SECRET_VARIABLE = "KOSHA_SOURCE_SECRET"  # noqa: S105 - the name of a variable
"""In the environment of the engine: the secret key of the bucket. No file and no row has it in clear."""


class FolderOrigin(Spec):
    type: Literal["folder"] = "folder"
    path: Path
    """Below it everything is listed. Links are not followed."""


class BucketOrigin(Spec):
    type: Literal["s3"] = "s3"
    endpoint: str
    """`https://host:port`."""
    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    """Empty: the bucket is read without signing."""
    allowed_hosts: tuple[str, ...] | None = None
    """Those that the operator allows, whatever their address is. None: every host, but no address of the machine itself."""


class SyncSpec(Spec):
    version: Literal[1] = 1
    source_id: str
    sync_id: str
    origin: Annotated[FolderOrigin | BucketOrigin, Field(discriminator="type")]
    known: Path
    """JSONL of `KnownFile`: what was taken before."""
    endings: tuple[str, ...]
    """Of the names that are taken, in lower case."""
    max_file_bytes: int = Field(ge=1)
    """A larger file is skipped."""
    max_bytes: int = Field(ge=1)
    """So much is fetched at most; the rest is left to the next sync."""
    max_files: int = Field(ge=1)


class KnownFile(Spec):
    name: str
    mark: str
    """What the place says of the file without reading it: size and times, or the ETag. Equal marks: it has not changed."""
    sha256: str


class Change(Spec):
    """A line of `changes.jsonl`."""

    type: Literal["new", "changed", "same", "removed"]
    """`same`: other mark, same bytes."""
    name: str
    mark: str = ""
    size: int = 0
    sha256: str = ""
    stored: str = ""
    """Of what is new or changed: its name in the folder `files`."""


class SyncResult(Spec):
    """Output folder: `changes.jsonl`, and the folder `files`, which the manifest does not name."""

    version: Literal[1] = 1
    listed: int = Field(ge=0)
    """Files of the place that are taken."""
    known: int = Field(ge=0)
    """Files that were taken before."""
    fetched_bytes: int = Field(ge=0)
    new: int = Field(ge=0)
    changed: int = Field(ge=0)
    removed: int = Field(ge=0)
    unchanged: int = Field(ge=0)
    left: int = Field(ge=0)
    """New and changed files that were not fetched, because this sync has fetched enough."""
    warnings: tuple[str, ...] = ()
    """Stable words with figures and places, as those of ingest."""
    manifest_sha256: str
