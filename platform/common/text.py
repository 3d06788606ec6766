"""Which characters and numbers of plain JSON can be used."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from common.errors import InvalidCharacters, InvalidNumber


def storable(text: str) -> bool:
    """PostgreSQL stores neither NUL nor unpaired surrogates (which JSON can contain)."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def refuse_unstorable(value: Any, place: str = "") -> None:
    """Raise InvalidCharacters or InvalidNumber with the place in plain JSON (as `a.0.b`) of what cannot be stored."""
    if isinstance(value, str):
        if not storable(value):
            raise InvalidCharacters(place or None)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidNumber(place or None)
    elif isinstance(value, dict):
        if not all(map(storable, value)):
            raise InvalidCharacters(place or None)
        _refuse_each(value.items(), place)
    elif isinstance(value, list):
        _refuse_each(enumerate(value), place)


def _refuse_each(entries: Iterable[tuple[Any, Any]], place: str) -> None:
    for name, item in entries:
        refuse_unstorable(item, f"{place}.{name}" if place else str(name))
