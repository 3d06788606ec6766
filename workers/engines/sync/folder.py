"""A folder of this machine, or a share that is mounted in it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

from workers.contract.specs.sync import FolderOrigin
from workers.engines.shared.runtime import UserError
from workers.engines.sync.origins import Chunks, Found, Passing

CHUNK = 1 << 20
UNSETTLED_SECONDS = 2.0
"""A file that changed so shortly ago may change again within the same tick of the file system's clock."""


class Folder:
    """Names lead through no link: each folder is opened from the one above, so none can be put in between."""

    def __init__(self, origin: FolderOrigin) -> None:
        self._root = origin.path

    def files(self) -> Iterator[Found]:
        yield from self._walk(self._open_root(), "")

    def _open_root(self) -> int:
        try:
            return os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UserError("folder_missing", "The folder does not exist, or is not mounted.") from error
        except OSError as error:
            raise _unreadable("", error) from error

    def _walk(self, descriptor: int, folder: str) -> Iterator[Found]:
        """Closes the descriptor of the folder."""
        try:
            try:
                entries = sorted(os.scandir(descriptor), key=lambda entry: entry.name)
            except OSError as error:
                raise _unreadable(folder, error) from error
            for entry in entries:
                name = folder + entry.name
                if entry.is_symlink():
                    yield Found(name, 0, "", is_link=True)
                elif entry.is_dir(follow_symlinks=False):
                    yield from self._inside(descriptor, entry.name, name)
                elif entry.is_file(follow_symlinks=False):
                    yield from self._file(descriptor, entry.name, name)
        finally:
            os.close(descriptor)

    def _inside(self, above: int, entry: str, name: str) -> Iterator[Found]:
        try:
            inner = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
        except FileNotFoundError:
            return
        except OSError as error:
            # Its files would count as removed.
            raise _unreadable(name, error) from error
        yield from self._walk(inner, f"{name}/")

    def _file(self, above: int, entry: str, name: str) -> Iterator[Found]:
        try:
            facts = os.stat(entry, dir_fd=above, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unreadable(name, error) from error
        yield Found(name, facts.st_size, _mark(facts))

    @contextmanager
    def open(self, found: Found) -> Iterator[Chunks]:
        with open(self._open_file(found.name), "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise Passing
            yield iter(lambda: file.read(CHUNK), b"")
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise Passing

    def _open_file(self, name: str) -> int:
        *folders, last = os.fsencode(name).split(b"/")
        descriptor = self._open_root()
        try:
            for folder in folders:
                inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            # A pipe would wait for a writer.
            return os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
        except OSError as error:
            if isinstance(error, PermissionError):
                raise _unreadable(name, error) from error
            raise Passing from error
        finally:
            os.close(descriptor)


def _mark(facts: os.stat_result) -> str:
    if time.time() - max(facts.st_mtime, facts.st_ctime) < UNSETTLED_SECONDS:
        return ""
    return f"{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}"


def _unreadable(name: str, error: OSError) -> UserError:
    answer = f"{name}: {error.strerror}".removeprefix(": ")
    if isinstance(error, PermissionError):
        return UserError("access_denied", f"The folder may not be read ({answer}).", answer=answer)
    return UserError("source_unreachable", f"The folder cannot be read ({answer}).", answer=answer)
