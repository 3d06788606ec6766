"""The base of every spec: frozen, strict about unknown fields, and versioned."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict


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
