"""Bring base models into a backup, where they are asked for.

They lie outside the storage, and one digest of the whole folder is all that is known of their content. So each file is
taken in the cheapest way, and the digest decides at the end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from backup.archive import MODELS
from backup.catalog import Catalog
from backup.copying import UNREADABLE, Copier, Fault, Unreadable, digest_or_none, partial_of
from common.disk import file_bytes
from registry.models import BaseModel
from workers.contract.model_folder import model_folder_digest

CHANGED = "missing or changed"


class ModelCopier:
    """Fills `target`. `digests_before` are those of the models that the backup before holds, by name."""

    def __init__(
        self, target: Path, catalog: Catalog, copier: Copier, digests_before: Mapping[str, str]
    ) -> None:
        self._target = target
        self._catalog = catalog
        self._copier = copier
        self._digests_before = digests_before

    def bytes_to_copy(self, model: BaseModel) -> int:
        """What neither lies here already nor can be linked."""
        try:
            files = _files(model)
        except (FileNotFoundError, Unreadable):
            return 0
        size = 0
        for inside, source in files.items():
            if not self._digest_before(model, inside):
                here = self._target / inside
                size += max(0, file_bytes(source) - file_bytes(here) - file_bytes(partial_of(here)))
        return size

    def take(self, model: BaseModel) -> list[Fault]:
        """No fault: the backup holds the whole folder, exactly as it was registered."""
        name = f"{MODELS}/{model.name}"
        try:
            if self._is_taken(model, _files(model)):
                return []
            fault = Fault(name, CHANGED)
        except FileNotFoundError:
            fault = Fault(name, CHANGED)
        except Unreadable as error:
            fault = Fault(_inside(model, error.path), UNREADABLE)
        self._catalog.forget_folder(name)
        return [fault]

    def _is_taken(self, model: BaseModel, files: Mapping[str, Path]) -> bool:
        folder = self._target / MODELS / model.name
        # What an interrupted backup has left of another state of the model would count in the digest.
        for directory, _, names in os.walk(folder):
            for path in (Path(directory, name) for name in names):
                if path.relative_to(self._target).as_posix() not in files:
                    path.unlink()
        is_reused = False
        for inside, source in files.items():
            # Of the same model in the backup before, or of an interrupted backup as it lies here.
            known = self._digest_before(model, inside) or digest_or_none(self._target / inside)
            is_reused = is_reused or bool(known)
            self._copier.take_file(source, inside, known)
        if not is_reused:
            return bool(files) and model_folder_digest(folder) == model.digest
        with suppress(OSError):  # a reused file may be unreadable
            if model_folder_digest(folder) == model.digest:
                return True
        shutil.rmtree(folder)
        self._catalog.forget_folder(f"{MODELS}/{model.name}")
        for inside, source in files.items():
            self._copier.take_file(source, inside)
        return model_folder_digest(folder) == model.digest

    def _digest_before(self, model: BaseModel, inside: str) -> str:
        """Of that file in the backup before, if it held this very model."""
        is_same = self._digests_before.get(model.name) == model.digest
        return self._catalog.digest_before(inside) if is_same else ""


def _files(model: BaseModel) -> dict[str, Path]:
    """Its files by their path in the backup. Raises FileNotFoundError, Unreadable."""

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
