"""The base of every spec: frozen, strict about unknown fields, and versioned."""

from __future__ import annotations

import hashlib
import json
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Spec(BaseModel):
    """A value that crosses a process border.

    Unknown fields are refused so that a misspelt setting fails where it was written, not by
    being silently ignored on a node hours later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def digest(self) -> str:
        """sha256 (hex) of the canonical JSON: equal specs have equal digests."""
        canonical = json.dumps(
            self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )
        return hashlib.sha256(canonical.encode()).hexdigest()


class TextRange(Spec):
    """Characters of a text: from `start` up to and without `end`."""

    start: int = Field(ge=0)
    end: int = Field(ge=1)

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.end <= self.start:
            raise ValueError("a range must end after it starts")
        return self
