"""Manifests: a sealed folder verifies, and every kind of change is detected and named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.contract import artifacts
from workers.contract.artifacts import (
    ArtifactDamaged,
    manifest_sha256,
    read_manifest,
    verify_manifest,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "inner" / "b.txt").write_text("two")
    return tmp_path


def test_digest_is_sha256_of_the_manifest(folder: Path) -> None:
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
def test_damage_names_the_file(folder: Path, damage: Callable[[Path], object], named: str) -> None:
    write_manifest(folder, "test")
    damage(folder)
    with pytest.raises(ArtifactDamaged) as found:
        verify_manifest(folder)
    assert found.value.file == named


def test_refuses_other_manifest_than_expected(folder: Path) -> None:
    digest = write_manifest(folder, "test", step=1)
    write_manifest(folder, "test", step=2)
    assert manifest_sha256(folder) != digest
    with pytest.raises(ArtifactDamaged):
        verify_manifest(folder, digest)
    assert read_manifest(folder)["facts"] == {"step": 2}


def test_detects_flipped_bit_in_the_manifest(folder: Path) -> None:
    """It holds what a resumed run continues from (step, position, losses), which no other hash covers."""
    write_manifest(folder, "checkpoint", step=12, data_position=12, last_losses=[2.25])
    path = folder / "manifest.json"
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[position] ^= 1 << bit
            path.write_bytes(changed)
            with pytest.raises(ArtifactDamaged):
                verify_manifest(folder)
    path.write_bytes(whole)
    verify_manifest(folder)


def test_reads_manifest_of_earlier_version(folder: Path) -> None:
    write_manifest(folder, "test", step=3)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["seal"]
    (folder / "manifest.json").write_text(json.dumps(manifest | {"version": 1}))
    assert verify_manifest(folder)["facts"] == {"step": 3}


@pytest.mark.parametrize(
    "content", ['{"version": 1}', '{"version": 1, "files": [{}]}', '{"version": 1, "files": 3}']
)
def test_json_that_is_no_manifest_is_damage(folder: Path, content: str) -> None:
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ArtifactDamaged):
        verify_manifest(folder)


def test_file_removed_during_verification_is_damage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_manifest(folder, "test")

    def gone(path: Path) -> str:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(artifacts, "file_sha256", gone)
    with pytest.raises(ArtifactDamaged):
        verify_manifest(folder)
