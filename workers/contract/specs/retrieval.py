"""What an index build is started with (`RetrievalSpec`) and what it yields (`RetrievalResult`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from workers.contract.spec import Spec


class RetrievalSource(Spec):
    """One document revision to be made searchable."""

    document_id: str
    revision_id: str
    document_name: str
    pages_path: Path
    """The revision's `pages.jsonl` as ingest wrote it."""
    groups: tuple[str, ...] = Field(min_length=1)
    """Who may read it. Every passage carries these groups, and a search names the asker's."""
    is_known: bool = False
    """The previous index holds it already; says how much there is to do, and no more."""


class Chunking(Spec):
    """How pages are cut into passages. Articles and spreadsheet rows are units of their own."""

    max_characters: int = Field(default=400, ge=50, le=4000)
    """Longest passage. Shorter ones answer more precisely, longer ones keep more context."""
    overlap: int = Field(default=60, ge=0, le=1000)
    """Characters, in whole sentences, that neighbouring passages of one section share."""

    @model_validator(mode="after")
    def _overlap_is_less_than_half(self) -> Chunking:
        if self.overlap * 2 > self.max_characters:
            raise ValueError("overlap must be at most half of max_characters")
        return self


class RetrievalSpec(Spec):
    """The index is written to `output/` itself: `output/manifest.json` names its files."""

    version: Literal[1] = 1
    sources: tuple[RetrievalSource, ...]
    """The documents, in the order in which their passages are stored."""
    embedding_model: Path
    """Folder of the registered embedding model (safetensors)."""
    embedding_model_digest: str = ""
    """Digest of that folder; passages of a previous index are reused only when it is the same."""
    chunking: Chunking = Chunking()
    previous_index: Path | None = None
    """An earlier build whose embeddings serve again for passages that did not change."""


class RetrievalResult(Spec):
    version: Literal[1] = 1
    documents: int = Field(ge=0)
    chunks: int = Field(ge=0)
    reused_chunks: int = Field(ge=0)
    """Passages whose embedding came from `previous_index`."""
    dimensions: int = Field(ge=1)
    manifest_sha256: str
    bytes: int = Field(ge=0)
    seconds: float = Field(ge=0)
