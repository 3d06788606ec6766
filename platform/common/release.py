"""Which release of Kosha this is, and which of the others are newer."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

RELEASE = "0.1.0"
"""As in `pyproject.toml`, which is not part of an installation."""


def is_newer(release: str) -> bool:
    """Whether `release` came after this one; empty stands for one before releases were noted.

    One whose name cannot be read has a scheme that this release does not know, so it is newer.
    """
    if not release:
        return False
    try:
        return Version(release) > Version(RELEASE)
    except InvalidVersion:
        return True
