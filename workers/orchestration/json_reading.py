"""JSON written by engines, in a form that PostgreSQL can store."""

from __future__ import annotations

import json
from typing import Any


def read_json(content: bytes) -> Any:
    """Raises ValueError. Python's parser accepts two things that PostgreSQL refuses: a NUL in a text, which
    becomes the replacement character, and NaN or Infinity, which becomes null.
    """
    return json.loads(content.replace(b"\\u0000", b"\\ufffd"), parse_constant=lambda _: None)
