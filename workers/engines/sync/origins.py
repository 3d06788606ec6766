"""What the places that files come from have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

Chunks = Iterator[bytes]


class Passing(Exception):
    """The file changed or vanished while it was read; the next sync sees what has become of it."""


@dataclass(frozen=True)
class Found:
    name: str
    """Relative to the place, with folders, as `総務/規程.txt`."""
    size: int
    mark: str
    """Empty: it may change without another mark, so it is read."""
    is_link: bool = False
    """Links are not followed."""


class Origin(Protocol):
    def files(self) -> Iterator[Found]:
        """Everything, in any order. Raises UserError where the place cannot be listed to its end."""
        ...

    def open(self, found: Found) -> AbstractContextManager[Chunks]:
        """The bytes of a file that was just listed. Raises Passing, UserError."""
        ...
