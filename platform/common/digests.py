"""Digests of values; equal values have equal digests."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def value_digest(value: Any) -> str:
    """sha256 (hex) of plain JSON with sorted keys."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
