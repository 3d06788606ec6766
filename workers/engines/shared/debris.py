"""Files that systems and programs leave beside those that people have written."""

from __future__ import annotations

from pathlib import PurePosixPath

_OF_SYSTEMS = frozenset(
    {
        "__MACOSX",
        "Thumbs.db",
        "desktop.ini",
        "$RECYCLE.BIN",
        "System Volume Information",
        "#recycle",
        "@eaDir",
    }
)
_HIDDEN = "."
"""Begins the names of what programs keep: `.DS_Store`, `.git`, `.snapshot`, `.~lock.a.odt#`."""
_OPEN_IN_OFFICE = "~$"
"""Begins the name of the file that Office keeps beside an open one."""


def is_debris(name: str) -> bool:
    """Whether nobody has written the file of this name (with its folders)."""
    parts = PurePosixPath(name).parts
    return any(part in _OF_SYSTEMS or part.startswith((_HIDDEN, _OPEN_IN_OFFICE)) for part in parts)
