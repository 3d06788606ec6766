"""Bring files into a backup: each is hashed on its way, appears by rename, and is copied once only.

What has not changed since the backup before becomes a hard link to it, after it was read and verified
again; so a damaged original is mended from there, and a damaged link is never handed on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backup.ledger import Entry, Ledger, Wanted

PIECE = 1 << 20
MANIFEST = "manifest.json"
STORAGE = "storage"
PROGRESS_SECONDS = 5.0

RUN_FILES = ("config.json", "events.jsonl", "engine.log", "engine.log.1", "wrapper.log")
"""What explains a run to people. Who owns its folder and how it ended are facts of the machine it ran
on and stay behind."""


@dataclass(frozen=True)
class Fault:
    """A file that a row names and the installation itself has lost or damaged."""

    path: str
    why: str


class Damaged(Exception):
    """Neither the original nor the backup before has the expected content."""


def copy_hashed(source: Path, target: Path) -> Entry:
    """Copy by rename (mode 600) and say what was copied. Raises FileNotFoundError, OSError."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.tmp")
    digest, size = hashlib.sha256(), 0
    with open(source, "rb") as file:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as copy:
            while piece := file.read(PIECE):
                digest.update(piece)
                size += copy.write(piece)
    os.replace(partial, target)
    return Entry(target.name, size, digest.hexdigest())


def is_inner(name: str) -> bool:
    """Whether the name stays inside the folder it is joined to."""
    parts = name.split("/")
    return bool(name) and not {"", ".", ".."} & set(parts) and "\0" not in name


def sha256_of(path: Path) -> str:
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
        """Take what the ledger wants; what is missing or damaged. `last`: also what changes all the time."""
        faults: list[Fault] = []
        count = self._ledger.wanted_count()
        for number, wanted in enumerate(self._ledger.wanted()):
            self._progress(number, count)
            faults += self._take(wanted, last)
        return faults

    def bytes_to_copy(self) -> int:
        """How much of what is wanted cannot be taken from the backup before; an upper bound."""
        return sum(self._size(wanted) for wanted in self._ledger.wanted())

    def _size(self, wanted: Wanted) -> int:
        known = wanted.path if wanted.kind == "file" else f"{wanted.path}/{MANIFEST}"
        if wanted.sha256 and self._ledger.had(f"{STORAGE}/{known}", wanted.sha256):
            return 0
        places = (wanted.path, wanted.fallback) if wanted.fallback else (wanted.path,)
        return sum(_bytes_below(self._storage / place) for place in places)

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
                self._take_run(wanted, last)

    def _checked(self, path: str, sha256: str) -> Iterator[Fault]:
        try:
            self.take(path, sha256)
        except FileNotFoundError:
            yield Fault(path, "missing")
        except Damaged:
            yield Fault(path, "damaged")

    # -- one file -----------------------------------------------------------------------------------
    def take(self, path: str, sha256: str = "") -> None:
        """Bring one file of the storage. Raises FileNotFoundError; Damaged after keeping what is there."""
        inside = f"{STORAGE}/{path}"
        if sha256 and (self._ledger.has(inside, sha256) or self._reuse(inside, sha256)):
            return
        copied = copy_hashed(self._storage / path, self._target / inside)
        self.copied_bytes += copied.size
        self._ledger.put(Entry(inside, copied.size, copied.sha256))
        if sha256 and copied.sha256 != sha256:
            raise Damaged(path)

    def _reuse(self, inside: str, sha256: str) -> bool:
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
        target = self._target / inside
        if sha256_of(target) != sha256:
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
            yield from self._take_tree(folder)
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
        for directory, _, names in os.walk(self._storage / folder):
            for name in names:
                path = Path(directory, name)
                if path.is_file() and not path.is_symlink():
                    yield from self._checked(path.relative_to(self._storage).as_posix(), "")

    def _take_result(self, wanted: Wanted) -> Iterator[Fault]:
        """It is renamed into its place at some moment, perhaps while it is copied."""
        for folder in (wanted.path, wanted.fallback):
            if (self._storage / folder).is_dir():
                yield from self._take_tree(folder)
                if (self._storage / folder).is_dir():
                    return
        yield Fault(wanted.path, "missing")

    # -- runs: they go on while they are copied, so nothing in them is missed ------------------------------
    def _take_run(self, wanted: Wanted, last: bool) -> None:
        for attempt in _numbered(self._storage / wanted.path):
            if int(attempt.name) > wanted.attempts:
                continue
            name = f"{wanted.path}/{attempt.name}"
            for checkpoint in _numbered(attempt / "checkpoints"):
                self._take_checkpoint(f"{name}/checkpoints/{checkpoint.name}")
            for file in RUN_FILES if last else ():
                with suppress(FileNotFoundError):
                    self.take(f"{name}/{file}")

    def _take_checkpoint(self, folder: str) -> None:
        """Whole or not at all: its run may drop it while it is copied."""
        if any(self.take_artefact(folder, _digest_or_none(self._storage / folder / MANIFEST))):
            self._ledger.forget_folder(f"{STORAGE}/{folder}")
            shutil.rmtree(self._target / STORAGE / folder, ignore_errors=True)


def _bytes_below(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    files = (Path(directory, name) for directory, _, names in os.walk(path) for name in names)
    total = 0
    for file in files:
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def _digest_or_none(path: Path) -> str:
    try:
        return sha256_of(path)
    except FileNotFoundError:
        return ""


def _numbered(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.name.isdigit())
    except (FileNotFoundError, NotADirectoryError):
        return []
