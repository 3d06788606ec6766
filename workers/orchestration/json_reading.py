"""JSON that engines wrote, as PostgreSQL can keep it."""

from __future__ import annotations

import json
from typing import Any


def read_json(content: bytes) -> Any:
    """Raises ValueError. Two things are JSON to Python and an error to PostgreSQL: a NUL in a text,
    which becomes the replacement character, and a number that is none (NaN, Infinity), which becomes null.
    """
    return json.loads(content.replace(b"\\u0000", b"\\ufffd"), parse_constant=lambda _: None)
