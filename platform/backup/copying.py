"""Bring files into a backup: each is hashed while it is copied, appears by rename, and is copied once only.

A file that has not changed since the backup before becomes a hard link to it, after it was read and verified again. So a
damaged original is replaced from there, and a damaged copy is never linked again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from backup.catalog import Catalog, Entry, Item
from common.disk import file_bytes, folder_bytes
from workers.contract.run_folder import BACKED_UP_FILES, CHECKPOINTS

PIECE = 1 << 20
MANIFEST = "manifest.json"
STORAGE = "storage"
PROGRESS_SECONDS = 5.0
MISSING, DAMAGED, UNREADABLE = "missing", "damaged", "unreadable"


@dataclass(frozen=True)
class Fault:
    """A file that a row names and that the installation itself has lost, damaged, or cannot read."""

    path: str
    reason: str


class Unreadable(Exception):
    """A source exists and cannot be read: a defect of its disk, or missing permissions.

    No OSError, since that is what the disk of the copy raises.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        self.path = path
        self.reason = error.strerror or type(error).__name__
        super().__init__(f"{path}: {self.reason}")


def copy_hashed(source: Path, target: Path) -> Entry:
    """Copy by rename (mode 600); the entry describes what was copied.

    Raises FileNotFoundError and Unreadable for the source, any other OSError for the copy.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = partial_of(target)
    digest, size = hashlib.sha256(), 0
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as copy:
            for piece in _pieces(source):
                digest.update(piece)
                size += copy.write(piece)
        os.replace(partial, target)
    except Exception:
        partial.unlink(missing_ok=True)
        raise
    return Entry(target.name, size, digest.hexdigest())


def partial_of(target: Path) -> Path:
    """The file that grows until the copy is whole."""
    return target.with_name(f"{target.name}.tmp")


def _pieces(source: Path) -> Iterator[bytes]:
    try:
        with open(source, "rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except FileNotFoundError:
        raise
    except OSError as error:
        try:
            source.lstat()
        except FileNotFoundError:
            # NFS reports a file that another machine has deleted with another error (ESTALE).
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source)) from error
        except OSError:
            pass
        raise Unreadable(source, error) from error


def sha256_of(path: Path) -> str:
    """Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_or_none(path: Path) -> str:
    """Empty for a file that is missing or cannot be read."""
    try:
        return sha256_of(path)
    except OSError:
        return ""


def is_inner(name: str) -> bool:
    """Whether the name stays inside the folder that it is joined to."""
    parts = name.split("/")
    return bool(name) and not {"", ".", ".."} & set(parts) and "\0" not in name


class Copier:
    """Fills one backup, `target`, from `storage`; `before` is the folder of the backup before, if there is one."""

    def __init__(
        self,
        storage: Path,
        target: Path,
        before: Path | None,
        catalog: Catalog,
        progress: Callable[[str], None],
    ) -> None:
        self._storage = storage
        self._target = target
        self._before = before
        self._catalog = catalog
        self._progress = progress
        self._progress_at = time.monotonic() + PROGRESS_SECONDS
        self._copied_bytes = 0
        # A dict keeps the order, and each fault once.
        self._faults: dict[Fault, None] = {}

    def take_all(self, *, is_last: bool) -> list[Fault]:
        """Take the items of the round; the faults found. `is_last`: also the files that change all the time."""
        self._faults = {}
        for number, item in enumerate(self._catalog.items()):
            if time.monotonic() > self._progress_at:
                self._progress_at = time.monotonic() + PROGRESS_SECONDS
                self._progress(
                    f"{number} of {self._catalog.item_count} items, {self._copied_bytes / 1e6:.0f} MB copied"
                )
            match item.kind:
                case "file":
                    self._take(item.path, item.sha256)
                case "folder":
                    self._take_artifact(item.path, item.sha256)
                case "result":
                    self._take_result(item)
                case "run":
                    self._take_run(item, is_last)
        return list(self._faults)

    def bytes_to_copy(self) -> int:
        """An upper bound: what lies here already, of an interrupted backup, or can be linked needs no space."""
        size = 0
        for item in self._catalog.items():
            is_file = item.kind == "file"
            known = item.path if is_file else f"{item.path}/{MANIFEST}"
            if item.sha256 and self._catalog.digest_before(f"{STORAGE}/{known}") == item.sha256:
                continue
            measure = file_bytes if is_file else folder_bytes
            paths = [path for path in (item.path, item.fallback) if path]
            targets = [self._target / STORAGE / path for path in paths]
            here = sum(measure(target) + file_bytes(partial_of(target)) for target in targets)
            size += max(0, sum(measure(self._storage / path) for path in paths) - here)
        return size

    # -- one file -----------------------------------------------------------------------------------
    def take_file(self, source: Path, inside: str, sha256: str = "") -> bool:
        """Bring one file. False where its content is not that of `sha256`; it is kept all the same.

        Raises FileNotFoundError, Unreadable.
        """
        if sha256 and (self._catalog.keep(inside, sha256) or self._reuse(inside, sha256)):
            return True
        copied = copy_hashed(source, self._target / inside)
        self._copied_bytes += copied.size
        self._catalog.put(Entry(inside, copied.size, copied.sha256))
        return sha256 in ("", copied.sha256)

    def _reuse(self, inside: str, sha256: str) -> bool:
        """Use the file of this backup's interrupted beginning, or of the backup before."""
        target = self._target / inside
        if target.exists() and self._adopt(inside, sha256):
            return True
        if self._before is None or self._catalog.digest_before(inside) != sha256:
            return False
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(self._before / inside, target)
        except OSError:  # removed meanwhile, or a disk without hard links
            return False
        return self._adopt(inside, sha256)

    def _adopt(self, inside: str, sha256: str) -> bool:
        """Whether the file at its place has the right content; one that has not, or cannot be read, is removed."""
        target = self._target / inside
        if digest_or_none(target) != sha256:
            target.unlink()
            return False
        self._catalog.put(Entry(inside, target.stat().st_size, sha256))
        return True

    def _take(self, path: str, sha256: str = "", *, may_be_missing: bool = False) -> bool:
        """Bring one file of the storage; a fault where it is not what it should be."""
        try:
            reason = "" if self.take_file(self._storage / path, f"{STORAGE}/{path}", sha256) else DAMAGED
        except FileNotFoundError:
            reason = MISSING
        except Unreadable:
            reason = UNREADABLE
        if reason and not (may_be_missing and reason == MISSING):
            self._faults[Fault(path, reason)] = None
        return not reason

    # -- folders ------------------------------------------------------------------------------------
    def _take_artifact(self, folder: str, sha256: str) -> None:
        """Take a folder by its manifest."""
        manifest = f"{folder}/{MANIFEST}"
        listed = self._listed(manifest) if self._take(manifest, sha256) else None
        if listed is None:
            # It is not known what belongs to the folder; keep what there is.
            self._take_tree(folder)
            return
        for name, digest in listed:
            self._take(f"{folder}/{name}", digest)

    def _listed(self, manifest: str) -> list[tuple[str, str]] | None:
        try:
            content = json.loads((self._target / STORAGE / manifest).read_bytes())
            listed = [(str(entry["path"]), str(entry["sha256"])) for entry in content["files"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return listed if all(is_inner(name) for name, _ in listed) else None

    def _take_tree(self, folder: str) -> None:
        closed: list[OSError] = []
        for directory, _, names in os.walk(self._storage / folder, onerror=closed.append):
            for path in (Path(directory, name) for name in names):
                if _exists_as(stat.S_ISREG, path):
                    self._take(path.relative_to(self._storage).as_posix())
        for error in closed:
            if not isinstance(error, FileNotFoundError):
                path = Path(error.filename).relative_to(self._storage)
                self._faults[Fault(path.as_posix(), UNREADABLE)] = None

    def _take_result(self, item: Item) -> None:
        """It is renamed into its place at some moment, perhaps while it is copied."""
        for folder in (item.path, item.fallback):
            if _exists_as(stat.S_ISDIR, self._storage / folder):
                self._take_tree(folder)
                if _exists_as(stat.S_ISDIR, self._storage / folder):
                    return
        self._faults[Fault(item.path, MISSING)] = None

    # -- runs: they may go on while they are copied, so missing files are no fault -------------------------
    def _take_run(self, item: Item, is_last: bool) -> None:
        """The newest checkpoints first: what the run deletes meanwhile is the oldest."""
        if item.continues:
            # The run may have deleted what an earlier round took, or ended and been cleaned. In the database of this
            # round it continues, and needs a checkpoint to continue from.
            for number in range(1, item.attempts + 1):
                self._catalog.keep_folder(f"{STORAGE}/{item.path}/{number}/{CHECKPOINTS}")
        for attempt in self._numbered(item.path):
            if int(attempt) > item.attempts:
                continue
            folder = f"{item.path}/{attempt}"
            for step in self._numbered(f"{folder}/{CHECKPOINTS}"):
                self._take_checkpoint(f"{folder}/{CHECKPOINTS}/{step}")
            if is_last:
                for name in BACKED_UP_FILES:
                    self._take(f"{folder}/{name}", may_be_missing=True)

    def _take_checkpoint(self, folder: str) -> None:
        """Whole or not at all, since its run may delete it while it is copied. It never changes, so once is enough."""
        inside = f"{STORAGE}/{folder}"
        if self._catalog.knows(f"{inside}/{MANIFEST}"):
            self._catalog.keep_folder(inside)
            return
        faults, self._faults = self._faults, {}
        self._take_artifact(folder, digest_or_none(self._storage / folder / MANIFEST))
        found, self._faults = self._faults, faults
        if found:
            self._catalog.forget_folder(inside)
            shutil.rmtree(self._target / inside, ignore_errors=True)
            self._faults |= {fault: None for fault in found if fault.reason == UNREADABLE}

    def _numbered(self, folder: str) -> list[str]:
        """The entries whose names are numbers, the largest first."""
        try:
            names = [entry.name for entry in (self._storage / folder).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            self._faults[Fault(folder, UNREADABLE)] = None
            return []
        return sorted(filter(str.isdecimal, names), key=int, reverse=True)


def _exists_as(is_kind: Callable[[int], bool], path: Path) -> bool:
    """True also where the disk does not answer: taking the file then finds the fault."""
    try:
        return is_kind(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
