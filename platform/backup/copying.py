"""Bring files into a backup: each is hashed on its way, appears by rename, and is copied once only.

What has not changed since the backup before becomes a hard link to it, after it was read and verified
again; so a damaged original is mended from there, and a damaged link is never handed on.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from backup.ledger import Entry, Ledger, Wanted
from common.disk import file_bytes, folder_bytes
from workers.contract.run_folder import BACKED_UP_FILES

PIECE = 1 << 20
MANIFEST = "manifest.json"
STORAGE = "storage"
PROGRESS_SECONDS = 5.0

"""What explains a run to people. Who owns its folder and how it ended are facts of the machine it ran
on and stay behind."""


MISSING = "missing"
DAMAGED = "damaged"
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Fault:
    """Something that a row names, and that the installation itself has lost or damaged or cannot read."""

    path: str
    why: str


class Damaged(Exception):
    """Neither the original nor the backup before has the expected content."""


class Unreadable(Exception):
    """A source is there, and cannot be read: a defect of its disk, or rights. Of the copy it says nothing,
    hence no OSError, which is what the disk of the copy raises."""

    def __init__(self, path: Path, error: OSError) -> None:
        self.path = path
        self.reason = error.strerror or type(error).__name__
        super().__init__(f"{path}: {self.reason}")


def copy_hashed(source: Path, target: Path) -> Entry:
    """Copy by rename (mode 600) and say what was copied.

    Raises FileNotFoundError and Unreadable for the source, any other OSError for the copy.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = half_copied(target)
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


def half_copied(target: Path) -> Path:
    """Where a copy grows until it is whole."""
    return target.with_name(f"{target.name}.tmp")


def _pieces(source: Path) -> Iterator[bytes]:
    """What a file holds. Raises FileNotFoundError, Unreadable."""
    try:
        with open(source, "rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except FileNotFoundError:
        raise
    except OSError as error:
        if _is_gone(source):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source)) from error
        raise Unreadable(source, error) from error


def _is_gone(path: Path) -> bool:
    """Asked after an error: for what another machine has deleted, NFS has another word than "not found"."""
    try:
        path.lstat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False


def is_inner(name: str) -> bool:
    """Whether the name stays inside the folder it is joined to."""
    parts = name.split("/")
    return bool(name) and not {"", ".", ".."} & set(parts) and "\0" not in name


def sha256_of(path: Path) -> str:
    """Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Copier:
    """Fills one backup from `storage`; `before` is the folder of the backup before, if there is one."""

    def __init__(
        self, storage: Path, target: Path, before: Path | None, ledger: Ledger, say: Callable[[str], None]
    ) -> None:
        self._storage = storage
        self._target = target
        self._before = before
        self._ledger = ledger
        self._say = say
        self._said = time.monotonic()
        self.copied_bytes = 0

    def take_all(self, *, last: bool) -> list[Fault]:
        """Take what the ledger wants; what is missing, damaged or unreadable. `last`: also what changes all
        the time."""
        faults: list[Fault] = []
        count = self._ledger.wanted_count()
        for number, wanted in enumerate(self._ledger.wanted()):
            self._progress(number, count)
            faults += self._take(wanted, last)
        return faults

    def bytes_to_copy(self) -> int:
        """How much of what is wanted neither lies here already, of an interrupted backup, nor can be taken
        from the backup before; an upper bound."""
        return sum(self._size(wanted) for wanted in self._ledger.wanted())

    def _size(self, wanted: Wanted) -> int:
        known = wanted.path if wanted.kind == "file" else f"{wanted.path}/{MANIFEST}"
        if wanted.sha256 and self._ledger.had(f"{STORAGE}/{known}", wanted.sha256):
            return 0
        measure = file_bytes if wanted.kind == "file" else folder_bytes
        places = (wanted.path, wanted.fallback) if wanted.fallback else (wanted.path,)
        whole = sum(measure(self._storage / place) for place in places)
        targets = (self._target / STORAGE / place for place in places)
        here = sum(measure(target) + file_bytes(half_copied(target)) for target in targets)
        return max(0, whole - here)

    def _progress(self, number: int, count: int) -> None:
        if time.monotonic() - self._said > PROGRESS_SECONDS:
            self._said = time.monotonic()
            self._say(f"{number} of {count} things, {self.copied_bytes / 1e6:.0f} MB copied")

    def _take(self, wanted: Wanted, last: bool) -> Iterator[Fault]:
        match wanted.kind:
            case "file":
                yield from self._checked(wanted.path, wanted.sha256)
            case "folder":
                yield from self.take_artefact(wanted.path, wanted.sha256)
            case "result":
                yield from self._take_result(wanted)
            case "run":
                yield from self._take_run(wanted, last)

    def _checked(self, path: str, sha256: str) -> Iterator[Fault]:
        try:
            self.take(path, sha256)
        except FileNotFoundError:
            yield Fault(path, MISSING)
        except Damaged:
            yield Fault(path, DAMAGED)
        except Unreadable:
            yield Fault(path, UNREADABLE)

    # -- one file -----------------------------------------------------------------------------------
    def take(self, path: str, sha256: str = "") -> None:
        """Bring one file of the storage. Raises FileNotFoundError, Unreadable; Damaged after keeping what is
        there."""
        inside = f"{STORAGE}/{path}"
        if sha256 and (self._ledger.has(inside, sha256) or self.reuse(inside, sha256)):
            return
        copied = self.copy(self._storage / path, inside)
        if sha256 and copied.sha256 != sha256:
            raise Damaged(path)

    def copy(self, source: Path, inside: str) -> Entry:
        """Bring a file, whatever it holds. Raises FileNotFoundError, Unreadable."""
        copied = copy_hashed(source, self._target / inside)
        self.copied_bytes += copied.size
        entry = Entry(inside, copied.size, copied.sha256)
        self._ledger.put(entry)
        return entry

    def reuse(self, inside: str, sha256: str) -> bool:
        """Take the file from this backup's interrupted beginning, or from the backup before."""
        target = self._target / inside
        if target.exists() and self._adopt(inside, sha256):
            return True
        if self._before is None or not self._ledger.had(inside, sha256):
            return False
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(self._before / inside, target)
        except OSError:  # removed meanwhile, or a disk without hard links
            return False
        return self._adopt(inside, sha256)

    def _adopt(self, inside: str, sha256: str) -> bool:
        """Whether the file that lies here is the wanted one; another, or one that cannot be read, is gone then."""
        target = self._target / inside
        if digest_or_none(target) != sha256:
            target.unlink()
            return False
        self._ledger.put(Entry(inside, target.stat().st_size, sha256))
        return True

    # -- folders ------------------------------------------------------------------------------------
    def take_artefact(self, folder: str, sha256: str = "") -> Iterator[Fault]:
        """Take a folder by its manifest; the faults found."""
        manifest = f"{folder}/{MANIFEST}"
        faults = list(self._checked(manifest, sha256))
        yield from faults
        listed = self._listed(manifest) if not faults else None
        if listed is None:
            # Nobody can say what belongs into it; keep what there is.
            yield from (fault for fault in self._take_tree(folder) if fault not in faults)
            return
        for name, digest in listed:
            yield from self._checked(f"{folder}/{name}", digest)

    def _listed(self, manifest: str) -> list[tuple[str, str]] | None:
        try:
            content = json.loads((self._target / STORAGE / manifest).read_bytes())
            listed = [(str(entry["path"]), str(entry["sha256"])) for entry in content["files"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return listed if all(is_inner(name) for name, _ in listed) else None

    def _take_tree(self, folder: str) -> Iterator[Fault]:
        closed: list[OSError] = []
        for directory, _, names in os.walk(self._storage / folder, onerror=closed.append):
            for name in names:
                path = Path(directory, name)
                if _is_there(path, stat.S_ISREG):
                    yield from self._checked(self._name(path), "")
        for error in closed:
            if not isinstance(error, FileNotFoundError):
                yield Fault(self._name(Path(error.filename)), UNREADABLE)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._storage).as_posix()

    def _take_result(self, wanted: Wanted) -> Iterator[Fault]:
        """It is renamed into its place at some moment, perhaps while it is copied."""
        for folder in (wanted.path, wanted.fallback):
            if _is_there(self._storage / folder, stat.S_ISDIR):
                yield from self._take_tree(folder)
                if _is_there(self._storage / folder, stat.S_ISDIR):
                    return
        yield Fault(wanted.path, MISSING)

    # -- runs: they go on while they are copied, so nothing in them is missed ------------------------------
    def _take_run(self, wanted: Wanted, last: bool) -> Iterator[Fault]:
        """The newest first: what the run forgets meanwhile is the oldest."""
        if wanted.goes_on:
            self._keep_checkpoints(wanted)
        for attempt in (yield from self._numbered(wanted.path)):
            if int(attempt) > wanted.attempts:
                continue
            name = f"{wanted.path}/{attempt}"
            for step in (yield from self._numbered(f"{name}/checkpoints")):
                yield from self._take_checkpoint(f"{name}/checkpoints/{step}")
            if last:
                yield from self._take_run_files(name)

    def _keep_checkpoints(self, wanted: Wanted) -> None:
        """Those that an earlier round has taken whole stay, though the run may have forgotten them since, or
        ended and been cleaned: in the database of this round it goes on, and has to go on from somewhere."""
        for attempt in range(1, wanted.attempts + 1):
            self._ledger.keep_folder(f"{STORAGE}/{wanted.path}/{attempt}/checkpoints")

    def _take_run_files(self, folder: str) -> Iterator[Fault]:
        for name in BACKED_UP_FILES:
            yield from (fault for fault in self._checked(f"{folder}/{name}", "") if fault.why != MISSING)

    def _take_checkpoint(self, folder: str) -> Iterator[Fault]:
        """Whole or not at all: its run may drop it while it is copied. It never changes, so once is enough."""
        inside = f"{STORAGE}/{folder}"
        if self._ledger.knows(f"{inside}/{MANIFEST}"):
            self._ledger.keep_folder(inside)
            return
        digest = digest_or_none(self._storage / folder / MANIFEST)
        fault = next(self.take_artefact(folder, digest), None)
        if fault is None:
            return
        self._ledger.forget_folder(inside)
        shutil.rmtree(self._target / inside, ignore_errors=True)
        if fault.why == UNREADABLE:
            yield fault

    def _numbered(self, folder: str) -> Generator[Fault, None, list[str]]:
        """The entries whose names are numbers, the largest first."""
        try:
            names = [entry.name for entry in (self._storage / folder).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            yield Fault(folder, UNREADABLE)
            return []
        return sorted(filter(str.isdecimal, names), key=int, reverse=True)


def _is_there(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Whether a file, or a folder, lies at `path`; yes, where the disk does not say: taking it will tell why."""
    try:
        return is_kind(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def digest_or_none(path: Path) -> str:
    """Empty for a file that is missing or cannot be read."""
    try:
        return sha256_of(path)
    except OSError:
        return ""
