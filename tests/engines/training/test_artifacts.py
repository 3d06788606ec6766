"""Manifests: a sealed folder verifies, and every kind of change is found and named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.artifacts import ArtifactDamaged, manifest_sha256, read_manifest, verify_manifest, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "inner" / "b.txt").write_text("two")
    return tmp_path


def test_the_digest_is_the_manifests_sha256(folder: Path) -> None:
    digest = write_manifest(folder, "test", step=3)
    assert digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    manifest = verify_manifest(folder, digest)
    assert manifest["kind"] == "test"
    assert manifest["facts"] == {"step": 3}
    assert [entry["path"] for entry in manifest["files"]] == ["a.txt", "inner/b.txt"]
    assert write_manifest(folder, "test", step=3) == digest


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda f: (f / "a.txt").write_text("eno"), "a.txt"),
        (lambda f: (f / "a.txt").write_text("longer"), "a.txt"),
        (lambda f: (f / "inner" / "b.txt").unlink(), "inner/b.txt"),
        (lambda f: (f / "c.txt").write_text("new"), "c.txt"),
        (lambda f: (f / "manifest.json").write_text("{"), "manifest.json"),
        (lambda f: (f / "manifest.json").unlink(), "manifest.json"),
    ],
)
def test_damage_is_named(folder: Path, damage: Callable[[Path], object], named: str) -> None:
    write_manifest(folder, "test")
    damage(folder)
    with pytest.raises(ArtifactDamaged) as found:
        verify_manifest(folder)
    assert found.value.file == named


def test_another_manifest_than_the_expected_is_refused(folder: Path) -> None:
    digest = write_manifest(folder, "test", step=1)
    write_manifest(folder, "test", step=2)
    assert manifest_sha256(folder) != digest
    with pytest.raises(ArtifactDamaged):
        verify_manifest(folder, digest)
    assert read_manifest(folder)["facts"] == {"step": 2}
