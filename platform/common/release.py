"""The release of Kosha, and its comparison with others."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

RELEASE = "0.1.0"
"""As in `pyproject.toml`, which an installation does not contain."""


def is_newer(release: str) -> bool:
    """Whether `release` is newer than this one. An empty text means a release that did not record its name.

    A name that cannot be parsed has a scheme that this release does not know, so it is newer.
    """
    if not release:
        return False
    try:
        return Version(release) > Version(RELEASE)
    except InvalidVersion:
        return True
