"""What a sandbox may see: the code of Python, of its libraries and of Kosha's workers. None of it is anybody's data."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import workers

KOSHA = Path(workers.__file__).parents[1]
_SHARED_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")


def package_folders() -> list[str]:
    """Where installed packages lie."""
    packages = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    return [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *packages]


def code_folders(data: Iterable[Path]) -> list[Path]:
    """Without those that are inside another one, and without those that hold some of `data`."""
    python = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    shared = sysconfig.get_config_var("LIBDIR") or sys.base_prefix
    named = {
        Path(each) for each in (*python, *package_folders(), shared, *_SHARED_LIBRARIES, KOSHA / "workers")
    }
    # Libraries may ask for their files by the path without links.
    named |= {path.resolve() for path in named}
    closed = {folder for path in data for folder in path.resolve().parents}
    found = {path for path in named if path.exists() and path.resolve() not in closed}
    return sorted(path for path in found if found.isdisjoint(path.parents))
