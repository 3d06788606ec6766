"""How a company writes its numbers: a small language of patterns, each of a fixed length, so that no text is slow to search."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

SHORTEST, LONGEST, LEAST_DIGITS = 3, 40, 3
_PART = re.compile(r"\\(?P<itself>.)|(?P<digit>9)|(?P<letter>X)|(?P<other>[^\\])", re.S)


@cache
def number_regex(pattern: str) -> re.Pattern[str]:
    """Finds what is written as `pattern` says and does not go on with letters or digits. Raises PydanticCustomError
    `number_pattern`."""
    parts = list(_PART.finditer(pattern))
    if sum(len(part[0]) for part in parts) != len(pattern):
        raise _wrong("a backslash must stand before the character that it protects")
    if not SHORTEST <= len(parts) <= LONGEST:
        raise _wrong(f"it must stand for {SHORTEST} to {LONGEST} characters")
    if any(part[0].isspace() and part[0] != " " for part in parts):
        raise _wrong("it must be on one line")
    if sum(part["digit"] is not None for part in parts) < LEAST_DIGITS:
        raise _wrong(f"it must have at least {LEAST_DIGITS} digits (9), else it would match ordinary words")
    body = "".join(
        "[0-9]"
        if part["digit"]
        else "[A-Za-z]"
        if part["letter"]
        else re.escape(part["itself"] or part["other"])
        for part in parts
    )
    return re.compile(f"(?<![0-9A-Za-z]){body}(?![0-9A-Za-z])", re.I)


def _wrong(what: str) -> PydanticCustomError:
    return PydanticCustomError("number_pattern", "Not a pattern of numbers: {what}", {"what": what})


def _checked(pattern: str) -> str:
    number_regex(pattern)
    return pattern


NumberPattern = Annotated[str, AfterValidator(_checked)]
"""For example `E-999999`: 9 is a digit, X a letter, everything else is itself, and so is a character after a backslash."""
