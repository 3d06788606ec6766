"""Checkpoints that can be trusted: written aside, sealed with a manifest, renamed; the newest sound one is resumed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.contract.artifacts import ArtifactDamaged, read_manifest, verify_manifest, write_manifest
from workers.contract.atomic_files import sync_directory
from workers.contract.run_folder import RunFolder
from workers.engines.shared.runtime import EngineFault, Run

KIND = "checkpoint"


@dataclass(frozen=True)
class Identity:
    """What must be equal for a checkpoint to continue a run to the bit."""

    config_digest: str
    data_digest: str
    world_size: int

    def facts(self) -> dict[str, Any]:
        return {
            "config_digest": self.config_digest,
            "data_digest": self.data_digest,
            "world_size": self.world_size,
        }


@dataclass(frozen=True)
class Checkpoint:
    step: int
    path: Path
    facts: dict[str, Any]


class CheckpointStore:
    """The checkpoints of one run: writes into its own folder, reads earlier attempts' too."""

    def __init__(self, run: Run, identity: Identity, keep: int) -> None:
        self.folder = RunFolder(run.directory).checkpoints
        self.earlier = [RunFolder(directory).checkpoints for directory in run.config.previous_run_dirs]
        self.identity = identity
        self.keep = keep

    def begin(self, step: int) -> Path:
        """An empty folder `<step>.tmp` to write into (one process calls this, the others wait)."""
        temporary = self.folder / f"{step}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        return temporary

    def commit(self, *, step: int, **facts: Any) -> tuple[Path, str]:
        """Seal `<step>.tmp`, give it its name, forget the oldest; returns path and manifest sha256."""
        temporary, final = self.folder / f"{step}.tmp", self.folder / str(step)
        digest = write_manifest(temporary, KIND, step=step, **self.identity.facts(), **facts)
        shutil.rmtree(final, ignore_errors=True)
        os.rename(temporary, final)
        sync_directory(self.folder)
        self._forget_old()
        return final, digest

    def newest_sound(self, warn: Callable[[str], None]) -> Checkpoint | None:
        """The furthest checkpoint of this very run whose hashes hold, else the one before."""
        for path in sorted(self._candidates(), key=lambda path: int(path.name), reverse=True):
            try:
                manifest = verify_manifest(path)
            except ArtifactDamaged as damage:
                warn(f"A checkpoint is damaged and was passed over: {damage}")
                continue
            facts = manifest["facts"]
            if manifest["kind"] == KIND and self._continues(facts):
                return Checkpoint(int(facts["step"]), path, facts)
            warn(f"Checkpoint {path.name} belongs to another configuration and was passed over.")
        return None

    def at(self, path: Path) -> Checkpoint:
        """The checkpoint that the first process has verified and chosen for all."""
        facts = read_manifest(path)["facts"]
        return Checkpoint(int(facts["step"]), path, facts)

    def _continues(self, facts: dict[str, Any]) -> bool:
        return all(facts.get(name) == value for name, value in self.identity.facts().items())

    def _candidates(self) -> Iterable[Path]:
        for folder in [self.folder, *self.earlier]:
            yield from _named_by_step(folder)

    def _forget_old(self) -> None:
        steps = sorted(_named_by_step(self.folder), key=lambda path: int(path.name))
        for path in steps[: -self.keep]:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def telling_damage(path: Path) -> Iterator[None]:
    """While a checkpoint is read that was sound a moment ago: where that fails because it no longer is,
    raises EngineFault `checkpoint_damaged`. The next attempt passes it over.

    Libraries say it in many ways, and so does a disk: the manifest decides.
    """
    try:
        yield
    except Exception as error:
        damage = error if isinstance(error, ArtifactDamaged) else _damage(path)
        if damage is None:
            raise
        raise EngineFault(
            "checkpoint_damaged",
            f"The checkpoint of step {path.name} was damaged while it was read ({damage.file}: {damage.why}). "
            "Another attempt passes it over; look at the disk of the node.",
        ) from error


def _damage(path: Path) -> ArtifactDamaged | None:
    try:
        verify_manifest(path)
    except ArtifactDamaged as damage:
        return damage
    return None


def _named_by_step(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if path.name.isdigit()] if folder.is_dir() else []
