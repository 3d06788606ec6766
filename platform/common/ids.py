"""Prefixed, time-ordered identifiers: `file-01k9...`, `job_01k9...`.

Ordering by id is ordering by creation time, so a keyset page needs no second column.
"""

from __future__ import annotations

import secrets
import threading
import time
from functools import partial
from typing import Any

from django.db import models

# Crockford's base 32 in lower case: no i, l, o, u, so an id can be read aloud.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BODY_LENGTH = 26

_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """`prefix` followed by 26 characters: 48 bits of milliseconds, then 80 random bits (a ULID).

    Within a process each id is greater than the one before, also in the same millisecond and when
    the clock is set back.
    """
    global _last
    with _lock:
        _last = value = max((time.time_ns() // 1_000_000) << 80 | secrets.randbits(80), _last + 1)
    return prefix + "".join(ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the form that `new_id(prefix)` gives."""
    body = text.removeprefix(prefix)
    return text.startswith(prefix) and len(body) == BODY_LENGTH and set(body) <= set(ALPHABET)


class PrefixedIdField(models.CharField[str, str]):
    """A primary key made by `new_id`; compared bytewise so that order is creation order."""

    def __init__(self, prefix: str, **options: Any) -> None:
        self.prefix = prefix
        options.setdefault("max_length", 64)
        options.setdefault("primary_key", True)
        options.setdefault("editable", False)
        options.setdefault("db_collation", "C")
        options["default"] = partial(new_id, prefix)
        super().__init__(**options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        del options["default"]
        return name, path, [self.prefix, *args], options
