"""Checkpoints: written to a temporary folder, sealed with a manifest, renamed; the newest intact one is resumed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workers.contract.artifacts import ArtifactDamaged, read_manifest, verify_manifest, write_manifest
from workers.contract.atomic_files import sync_directory
from workers.contract.run_folder import RunFolder
from workers.engines.shared.runtime import EngineFault, Run
from workers.engines.training.backend import TrainingBackend
from workers.engines.training.processes import Processes

KIND = "checkpoint"


@dataclass(frozen=True)
class RunIdentity:
    """What must be equal for a checkpoint to continue a run to the bit."""

    config_digest: str
    data_digest: str
    world_size: int


@dataclass(frozen=True)
class StoredCheckpoint:
    step: int
    path: Path
    facts: dict[str, Any]


class CheckpointStore:
    """The checkpoints of one run: writes into its own folder, reads earlier attempts' too."""

    def __init__(self, run: Run, identity: RunIdentity, keep: int) -> None:
        self.folder = RunFolder(run.directory).checkpoints
        self.earlier = [RunFolder(directory).checkpoints for directory in run.config.previous_run_dirs]
        self.identity = identity
        self.keep = keep

    def save(
        self, backend: TrainingBackend, processes: Processes, *, step: int, **facts: Any
    ) -> tuple[Path, str] | None:
        """Called by all ranks; on rank 0 returns the checkpoint's folder and its manifest's sha256.

        Older checkpoints than the newest `keep` are deleted.
        """
        temporary, final = self.folder / f"{step}.tmp", self.folder / str(step)
        if processes.rank == 0:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        processes.barrier()
        backend.save(temporary)
        processes.barrier()
        digest = ""
        if processes.rank == 0:
            digest = write_manifest(temporary, KIND, step=step, **asdict(self.identity), **facts)
            shutil.rmtree(final, ignore_errors=True)
            os.rename(temporary, final)
            sync_directory(self.folder)
            for path in _newest_first([self.folder])[self.keep :]:
                shutil.rmtree(path, ignore_errors=True)
        processes.barrier()
        return (final, digest) if processes.rank == 0 else None

    def resume(
        self, backend: TrainingBackend, processes: Processes, warn: Callable[[str], None]
    ) -> StoredCheckpoint | None:
        """Load the newest intact checkpoint into `backend`; None, with nothing loaded, without one.

        Called by all ranks. Raises EngineFault `checkpoint_damaged`.
        """
        # Rank 0 chooses for all: were a file damaged between two reads, the ranks could choose different
        # checkpoints and would train apart.
        newest = self.newest_intact(warn) if processes.rank == 0 else None
        path = processes.broadcast_from_rank0(newest.path if newest else None)
        if path is None:
            return None
        with _report_damage(path):
            facts = newest.facts if newest else read_manifest(path)["facts"]
            is_loaded = backend.load(path)
            if processes.rank == 0 or not is_loaded:
                verify_manifest(path)  # what was just read may have been damaged since it was chosen
            if not is_loaded:
                warn("The checkpoint's shards are not signed for this run; starting again.")
                return None
        return StoredCheckpoint(int(facts["step"]), path, facts)

    def newest_intact(self, warn: Callable[[str], None]) -> StoredCheckpoint | None:
        """The checkpoint of this run with the latest step whose files are intact."""
        for path in _newest_first([self.folder, *self.earlier]):
            try:
                manifest = verify_manifest(path)
            except ArtifactDamaged as damage:
                warn(f"A checkpoint is damaged and was passed over: {damage}")
                continue
            facts = manifest["facts"]
            is_own = all(facts.get(name) == value for name, value in asdict(self.identity).items())
            if manifest["kind"] == KIND and is_own:
                return StoredCheckpoint(int(facts["step"]), path, facts)
            warn(f"Checkpoint {path.name} belongs to another configuration and was passed over.")
        return None


def _newest_first(folders: list[Path]) -> list[Path]:
    """The finished checkpoints in `folders`, the latest step first."""
    found = [path for folder in folders for path in folder.glob("*") if path.name.isdigit()]
    return sorted(found, key=lambda path: int(path.name), reverse=True)


@contextmanager
def _report_damage(path: Path) -> Iterator[None]:
    """Raise EngineFault `checkpoint_damaged` for an error in reading a checkpoint that is damaged by now.

    The next attempt passes the checkpoint over. Libraries and disks report damage in many ways, so the
    manifest decides.
    """
    try:
        yield
    except Exception as error:
        damage = error if isinstance(error, ArtifactDamaged) else _find_damage(path)
        if damage is None:
            raise
        raise EngineFault(
            "checkpoint_damaged",
            f"The checkpoint of step {path.name} was damaged while it was read ({damage.file}: {damage.why}). "
            "Another attempt passes it over; look at the disk of the node.",
            step=path.name,
            file=damage.file,
        ) from error


def _find_damage(path: Path) -> ArtifactDamaged | None:
    try:
        verify_manifest(path)
    except ArtifactDamaged as damage:
        return damage
    return None
