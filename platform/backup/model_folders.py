"""Bring base models into a backup, where they are asked for.

They lie outside the storage, and nothing but one digest of the whole folder says what belongs into it. So each
file is taken in the cheapest way, and the digest judges at the end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from backup.copying import UNREADABLE, Copier, Fault, Unreadable, digest_or_none, half_copied
from backup.ledger import Entry, Ledger
from backup.sealed import MODELS
from common.disk import file_bytes
from registry.models import BaseModel
from workers.contract.model_folder import model_folder_digest

CHANGED = "missing or changed"


class ModelCopier:
    """Fills `target`. `digests_before` are those of the models that the backup before holds, by name."""

    def __init__(
        self, target: Path, ledger: Ledger, copier: Copier, digests_before: Mapping[str, str]
    ) -> None:
        self._target = target
        self._ledger = ledger
        self._copier = copier
        self._digests_before = digests_before

    def bytes_to_copy(self, model: BaseModel) -> int:
        """How much of it neither lies here already nor can be taken from the backup before."""
        try:
            files = _files(model)
        except (FileNotFoundError, Unreadable):
            return 0
        return sum(self._size(model, inside, source) for inside, source in files.items())

    def _size(self, model: BaseModel, inside: str, source: Path) -> int:
        if self._digest_before(model, inside):
            return 0
        target = self._target / inside
        return max(0, file_bytes(source) - file_bytes(target) - file_bytes(half_copied(target)))

    def _digest_before(self, model: BaseModel, inside: str) -> str | None:
        """Of that file in the backup before, if it held this very model."""
        if self._digests_before.get(model.name) != model.digest:
            return None
        return self._ledger.digest_before(inside)

    def take(self, model: BaseModel) -> list[Fault]:
        """No fault: the whole folder, and exactly what was registered, is in the backup now."""
        name = f"{MODELS}/{model.name}"
        try:
            if self._is_taken(model, _files(model)):
                return []
            fault = Fault(name, CHANGED)
        except FileNotFoundError:
            fault = Fault(name, CHANGED)
        except Unreadable as error:
            fault = Fault(_inside(model, error.path), UNREADABLE)
        self._ledger.forget_folder(name)
        return [fault]

    def _is_taken(self, model: BaseModel, files: Mapping[str, Path]) -> bool:
        self._drop_others(model, files)
        reused = [self._reuse_or_copy(model, inside, source) for inside, source in files.items()]
        if not any(reused):
            return bool(files) and self._is_right(model)
        with suppress(OSError):  # what lay here may be unreadable
            if self._is_right(model):
                return True
        self._copy_anew(model, files)
        return self._is_right(model)

    def _is_right(self, model: BaseModel) -> bool:
        return model_folder_digest(self._folder(model)) == model.digest

    def _folder(self, model: BaseModel) -> Path:
        return self._target / MODELS / model.name

    def _drop_others(self, model: BaseModel, files: Mapping[str, Path]) -> None:
        """What an interrupted backup has left of another state of the model would count in the digest."""
        for directory, _, names in os.walk(self._folder(model)):
            for path in (Path(directory, name) for name in names):
                if path.relative_to(self._target).as_posix() not in files:
                    path.unlink()

    def _reuse_or_copy(self, model: BaseModel, inside: str, source: Path) -> bool:
        """Whether the file was reused: from the backup before, or from an interrupted one as it lies here."""
        known = self._digest_before(model, inside)
        if known and self._copier.reuse(inside, known):
            return True
        target = self._target / inside
        if digest := digest_or_none(target):
            self._ledger.put(Entry(inside, target.stat().st_size, digest))
            return True
        self._copier.copy(source, inside)
        return False

    def _copy_anew(self, model: BaseModel, files: Mapping[str, Path]) -> None:
        shutil.rmtree(self._folder(model))
        for inside, source in files.items():
            self._copier.copy(source, inside)


def _files(model: BaseModel) -> dict[str, Path]:
    """Its files by their place in the backup. Raises FileNotFoundError, Unreadable."""

    def refuse(error: OSError) -> None:
        raise error

    folder, files = Path(model.path), []
    try:
        for directory, _, names in os.walk(folder, onerror=refuse):
            files += [path for name in names if (path := Path(directory, name)).is_file()]
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreadable(Path(error.filename or folder), error) from error
    return {_inside(model, path): path for path in sorted(files)}


def _inside(model: BaseModel, path: Path) -> str:
    return (Path(MODELS, model.name) / path.relative_to(model.path)).as_posix()
