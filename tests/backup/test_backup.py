"""A backup holds what the rows name, shares what an earlier one has copied, and reports what is damaged."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from backup.creation import BackupRun
from backup.management.commands.backup import warning_of
from documents.selectors import pages_folder
from registry.models import BaseModel
from tests.backup.conftest import WHEN_COPIED, Place, interrupt, working
from tests.backup.contents import DOCUMENT, NO_E5, assert_whole, checkpoints_in, included
from tests.backup.world_on_disk import (
    blob_of,
    files_below,
    make_unreadable,
    register,
    revision_of,
    running_job,
)

pytestmark = pytest.mark.slow


# -- what is in it ------------------------------------------------------------------------------
def test_holds_every_file_of_a_working_installation(place, tmp_path):
    backup, info = place.back_up(tmp_path / "b")
    assert_whole(backup, info)
    kept = files_below(backup / "storage")
    for name, content in files_below(place.var / "storage").items():
        if Path(name).name not in ("owner", "config.json", "result.json"):
            assert kept[name] == content
    assert backup.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in backup.rglob("*") if path.is_file()} == {0o600}


def test_key_from_the_environment_is_not_in_the_backup(place, tmp_path):
    env = place.env.model_copy(update={"secret_key": "e" * 40})
    backup, info = BackupRun(env, tmp_path / "b", progress=print).run()
    assert not (backup / "secret_key").exists()
    assert b"e" * 40 not in (backup / "backup.json").read_bytes()
    assert info.secret_key_fingerprint


# -- what an earlier backup has left ----------------------------------------------------------------
@pytest.fixture(scope="module")
def used(filled, tmp_path_factory, django_db_blocker) -> Iterator[tuple[Place, Path]]:
    """A working installation, and the folder of its base model `gemma`; backups alone are made of it."""
    folder = tmp_path_factory.mktemp("with-model")
    with django_db_blocker.unblock(), working(filled, folder / "old") as place:
        yield place, register(folder / "gemma")


@pytest.fixture
def with_model(used: tuple[Place, Path], django_db_blocker) -> Iterator[tuple[Place, Path]]:
    with django_db_blocker.unblock(), used[0].here():
        yield used


@pytest.mark.parametrize("earlier", ["complete", "interrupted"])
@pytest.mark.parametrize("state", ["whole", "changed", "unreadable", "removed"])
@pytest.mark.parametrize("what", ["document", "base model"])
def test_earlier_copy_is_shared_where_it_is_whole_and_else_made_again(
    with_model, tmp_path, monkeypatch, earlier, state, what
):
    (place, model), folder = with_model, tmp_path / "b"
    if earlier == "complete":
        left, _info = place.back_up(folder, with_models=True)
    else:
        interrupt(place.back_up, folder, with_models=True, at=WHEN_COPIED)
        (left,) = folder.glob("*.partial")
        (left / "models/gemma/b.safetensors.tmp").write_bytes(b"half of a file that the model has no more")
    original = blob_of(DOCUMENT) if what == "document" else model / "a.safetensors"
    copy, other = left / place.inside(original), left / "models/gemma/config.json"
    # No other file gets the number of one that is linked here, too.
    inode, other_inode = copy.stat().st_ino, other.stat().st_ino
    os.link(copy, tmp_path / "linked")
    match state:
        case "changed":
            copy.write_bytes(b"x")
        case "unreadable":
            make_unreadable(
                monkeypatch, lambda path: path.exists() and path.stat().st_ino == inode, errno.EIO
            )
        case "removed":
            copy.unlink()
    backup, info = place.back_up(folder, with_models=True)
    shutil.rmtree(left, ignore_errors=True)
    assert_whole(backup, info, NO_E5)
    assert included(info) == ["gemma"]
    assert files_below(backup / "models/gemma") == files_below(model)
    assert (backup / place.inside(original)).read_bytes() == original.read_bytes()
    assert ((backup / place.inside(original)).stat().st_ino == inode) is (state == "whole")
    if what == "document" or state in ("whole", "removed"):
        assert (backup / "models/gemma/config.json").stat().st_ino == other_inode


def test_damaged_original_is_taken_from_the_backup_before(place, tmp_path):
    place.back_up(tmp_path / "b")
    original = blob_of(DOCUMENT)
    content = original.read_bytes()
    original.write_bytes(b"x" * len(content))
    second, info = place.back_up(tmp_path / "b")
    assert_whole(second, info)
    assert (second / place.inside(original)).read_bytes() == content


def test_changed_base_model_is_copied(place, tmp_path):
    register(tmp_path / "gemma")
    place.back_up(tmp_path / "b", with_models=True)
    register(tmp_path / "gemma2", **{"a.safetensors": b"b"})
    backup, _ = place.back_up(tmp_path / "b", with_models=True)
    assert (backup / "models/gemma/a.safetensors").read_bytes() == b"b"


# -- faults of the installation --------------------------------------------------------------------
class Damage(NamedTuple):
    of: Callable[[], Path]
    how: str | int
    """An errno, or 0: it opens, and reading fails."""
    reason: str = "unreadable"
    checkpoints: tuple[str, ...] = ("2", "4")


def document() -> Path:
    return blob_of(DOCUMENT)


def in_run(name: str) -> Callable[[], Path]:
    return lambda: running_job().run_dir / name


DAMAGES = {
    "missing original": Damage(document, "removed", "missing"),
    "damaged original": Damage(document, "changed", "damaged"),
    "original on a bad sector": Damage(document, 0),
    "original with EIO": Damage(document, errno.EIO),
    "original with EACCES": Damage(document, errno.EACCES),
    "manifest": Damage(lambda: pages_folder(revision_of(DOCUMENT)) / "manifest.json", 0),
    "manifest of a checkpoint": Damage(in_run("checkpoints/4/manifest.json"), 0, checkpoints=("2",)),
    "file of a checkpoint": Damage(in_run("checkpoints/4/state.bin"), 0, checkpoints=("2",)),
    "folder of checkpoints": Damage(in_run("checkpoints"), errno.EACCES, checkpoints=()),
    "log of a run": Damage(in_run("events.jsonl"), 0),
    "base model": Damage(lambda: Path(BaseModel.objects.get(name="gemma").path, "a.safetensors"), 0),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_is_reported_and_prevents_no_backup(place, tmp_path, monkeypatch, what):
    register(tmp_path / "gemma")
    damage = DAMAGES[what]
    path = damage.of()
    content = files_below(path.parent)
    match damage.how:
        case "removed":
            path.unlink()
        case "changed":
            path.write_bytes(b"x")
        case number:
            make_unreadable(monkeypatch, lambda broken: broken == path, number)
    backup, info = place.back_up(tmp_path / "b", with_models=True)
    copy = backup / place.inside(path)
    assert_whole(backup, info, f"{place.inside(path).removeprefix('storage/')}: {damage.reason}", NO_E5)
    assert checkpoints_in(backup, place) == list(damage.checkpoints)
    assert included(info) == ([] if what == "base model" else ["gemma"])
    assert ("Check the disk and the permissions" in warning_of(info)) is (damage.reason == "unreadable")
    if what == "manifest":
        # It is not known what belongs to the folder, so everything else in it is kept.
        assert files_below(copy.parent) == {name: content[name] for name in content if name != path.name}
    elif damage.reason == "unreadable":
        assert not list(copy.parent.glob("*" if what == "base model" else f"{path.name}*"))
