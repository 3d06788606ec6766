"""Which values the database can store."""

from __future__ import annotations

import math
from typing import Any


def storable(text: str) -> bool:
    """PostgreSQL stores neither NUL nor unpaired surrogates (which JSON can contain)."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def unstorable_place(value: Any, place: str = "") -> str | None:
    """The place in plain JSON (as `a.0.b`) of a value that no database column can store, or None."""
    if isinstance(value, str):
        return None if storable(value) else place
    if isinstance(value, float):
        return None if math.isfinite(value) else place
    if isinstance(value, dict):
        entries = value.items()
        if not all(storable(name) for name in value):
            return place
    elif isinstance(value, list):
        entries = dict(enumerate(value)).items()
    else:
        return None
    found = (unstorable_place(item, f"{place}.{name}" if place else str(name)) for name, item in entries)
    return next((at for at in found if at is not None), None)
