"""A backup of a changing installation holds what its dump names."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest

from backup.copying import Copier
from common.tenancy import every_organization
from jobs.models import Job
from tests.backup.contents import DOCUMENT, assert_whole, checkpoints_in
from tests.backup.world_on_disk import (
    blob_of,
    delete,
    make_unreadable,
    running_job,
    write_checkpoint,
)

pytestmark = pytest.mark.slow


class Rounds:
    """Runs `before` and `after` each round of copying; `seen` are the rounds, and whether each was a last one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[bool] = []
        self.before = self.after = lambda copier: None
        self.monkeypatch = monkeypatch
        take = Copier.take_all

        def take_all(copier: Copier, *, is_last: bool) -> Any:
            self.seen.append(is_last)
            self.before(copier)
            faults = take(copier, is_last=is_last)
            self.after(copier)
            return faults

        monkeypatch.setattr(Copier, "take_all", take_all)


def document_deleted_between_the_rounds(rounds: Rounds) -> None:
    rounds.after = lambda copier: delete(DOCUMENT) if rounds.seen == [False] else None


def document_deleted_after_the_dump(rounds: Rounds) -> None:
    def delete_it(copier: Copier) -> None:
        if rounds.seen == [False, True]:
            delete(DOCUMENT)
            # As if the first round had not copied it.
            copier._catalog.forget_folder("storage")
            shutil.rmtree(copier._target / "storage")

    rounds.before = delete_it


def checkpoints_removed_after_the_dump(rounds: Rounds) -> None:
    folder = running_job().run_dir / "checkpoints"
    rounds.before = lambda copier: shutil.rmtree(folder, ignore_errors=True) if rounds.seen[-1] else None


def run_ended_before_the_dump(rounds: Rounds) -> None:
    checkpoints_removed_after_the_dump(rounds)

    def end(copier: Copier) -> None:
        with every_organization("test"):
            for state, following in (("running", "cancelling"), ("cancelling", "cancelled")):
                Job.objects.filter(kind="training", state=state).update(state=following)

    rounds.after = end


def checkpoint_deleted_after_its_manifest_was_read(rounds: Rounds) -> None:
    pruned, listed = running_job().run_dir / "checkpoints" / "2", Copier._listed

    def prune(copier: Copier, manifest: str) -> Any:
        found = listed(copier, manifest)
        if manifest.endswith("checkpoints/2/manifest.json"):
            shutil.rmtree(pruned, ignore_errors=True)
        return found

    rounds.monkeypatch.setattr(Copier, "_listed", prune)


def checkpoint_deleted_over_nfs(rounds: Rounds) -> None:
    pruned = running_job().run_dir / "checkpoints" / "2"

    def is_removed(path: Path) -> bool:
        if path == pruned / "state.bin":
            shutil.rmtree(pruned)
        return path == pruned / "state.bin"

    make_unreadable(rounds.monkeypatch, is_removed, errno.ESTALE)


def later_attempt_began_after_the_dump(rounds: Rounds) -> None:
    write_checkpoint(running_job().run_dir.parent / "2", 6)


@pytest.mark.parametrize(
    ("change", "seen", "has_document", "checkpoints"),
    [
        (document_deleted_between_the_rounds, [False, True], False, ["2", "4"]),
        (document_deleted_after_the_dump, [False, True, True], False, ["2", "4"]),
        # The run continues in the dump, and needs a checkpoint there.
        (checkpoints_removed_after_the_dump, [False, True], True, ["2", "4"]),
        (run_ended_before_the_dump, [False, True], True, []),
        (checkpoint_deleted_after_its_manifest_was_read, [False, True], True, ["4"]),
        (checkpoint_deleted_over_nfs, [False, True], True, ["4"]),
        (later_attempt_began_after_the_dump, [False, True], True, ["2", "4"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_backup_of_a_changing_installation_holds_what_its_dump_names(
    place, tmp_path, monkeypatch, change, seen, has_document, checkpoints
):
    run, blob, rounds = running_job().run_dir, blob_of(DOCUMENT), Rounds(monkeypatch)
    change(rounds)
    backup, info = place.back_up(tmp_path / "b")
    assert rounds.seen == seen
    assert_whole(backup, info)
    assert (backup / place.inside(blob)).exists() is has_document
    steps = (backup / place.inside(run)).glob("checkpoints/*/manifest.json")
    assert sorted(path.parent.name for path in steps) == checkpoints
    assert [path.name for path in (backup / place.inside(run.parent)).iterdir()] == ["1"]


def test_newest_checkpoints_are_copied_first(place, tmp_path, monkeypatch):
    """The run deletes the oldest meanwhile, and is faster than the copy."""
    job = running_job()
    shutil.rmtree(job.run_dir / "checkpoints")
    steps = [9, 10, 100]
    for step in steps:
        write_checkpoint(job.run_dir, step)
    take, taken = Copier._take_checkpoint, []

    def train(copier, folder):
        shutil.rmtree(job.run_dir / "checkpoints" / str(steps.pop(0)))
        steps.append(steps[-1] + 1)
        write_checkpoint(job.run_dir, steps[-1])
        taken.append(int(Path(folder).name))
        return take(copier, folder)

    monkeypatch.setattr(Copier, "_take_checkpoint", train)
    backup, info = place.back_up(tmp_path / "b")
    assert taken == [100, 10, 9, 103, 102, 101]
    assert checkpoints_in(backup, place) == ["100", "103"]
    assert_whole(backup, info)
