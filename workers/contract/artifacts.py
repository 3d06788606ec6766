"""Artefact folders: a manifest that names every file with its size and sha256.

A folder is an artefact once it contains `manifest.json`; the sha256 of that file names the whole
folder. No machine-learning library is needed to write or to verify one.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from workers.contract.atomic_files import json_content, sync_directory, write_json
from workers.contract.model_folder import check_model_folder, model_folder_digest

MANIFEST = "manifest.json"
MANIFEST_VERSION = 2
UNSEALED_VERSION = 1
"""Written before manifests were sealed themselves; still readable."""
NO_SEAL = "0" * 64


class ArtifactDamaged(Exception):
    """An artefact folder is not what its manifest says; `file` is the first wrong name."""

    def __init__(self, folder: Path, file: str, why: str) -> None:
        super().__init__(f"{folder.name}/{file}: {why}")
        self.folder = folder
        self.file = file
        self.why = why


def file_sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, kind: str, **facts: Any) -> str:
    """Seal `folder`: fsync every file, write `manifest.json`, return its sha256 in hex.

    `facts` must be JSON values; they say what made the artefact. A folder inside `folder` that has
    a manifest of its own is listed file by file like any other.
    """
    files = []
    for path in _files(folder, sync=True):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        name = path.relative_to(folder).as_posix()
        files.append({"path": name, "size": path.stat().st_size, "sha256": digest})
    manifest = {"version": MANIFEST_VERSION, "kind": kind, "files": files, "facts": facts}
    write_json(folder / MANIFEST, manifest | {"seal": _seal(json_content(manifest | {"seal": NO_SEAL}))})
    return manifest_sha256(folder)


def manifest_sha256(folder: Path) -> str:
    """The digest that names the artefact. It does not verify the files: `verify_manifest` does."""
    return file_sha256(folder / MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, whole and as it was written; the files are not looked at.

    Raises ArtifactDamaged when it is absent, or when a single bit of it changed: its `seal` is the
    sha256 of itself with zeros in the place of the seal.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = json.loads(content)
    except FileNotFoundError:
        raise ArtifactDamaged(folder, MANIFEST, "missing") from None
    except ValueError:
        raise ArtifactDamaged(folder, MANIFEST, "not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("version") not in (MANIFEST_VERSION, UNSEALED_VERSION):
        raise ArtifactDamaged(folder, MANIFEST, "of an unknown version")
    seal = manifest.get("seal")
    if seal is None:
        is_intact = manifest["version"] == UNSEALED_VERSION
    else:
        is_intact = _seal(content.replace(str(seal).encode(), NO_SEAL.encode())) == seal
    if not is_intact:
        raise ArtifactDamaged(folder, MANIFEST, "has other content")
    return manifest


def _seal(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def verify_model_folder(folder: Path, digest: str | None) -> None:
    """Check a base model's folder before anything of it is loaded: against the digest that it was
    registered with, or, where none is known, against its own manifest if it has one.

    Raises UnsafeModelFolder and ArtifactDamaged.
    """
    check_model_folder(folder)
    if digest is None:
        if (folder / MANIFEST).is_file():
            verify_manifest(folder)
    elif model_folder_digest(folder) != digest:
        raise ArtifactDamaged(folder, "", "has other content than when it was registered")


def verify_manifest_is(folder: Path, expected_sha256: str | None) -> None:
    """Raises ArtifactDamaged for another manifest than the expected one; its files are not looked at."""
    if expected_sha256 is not None:
        read_manifest(folder)
        if manifest_sha256(folder) != expected_sha256:
            raise ArtifactDamaged(folder, MANIFEST, "not the expected one")


def verify_sizes(folder: Path, expected_sha256: str) -> None:
    """Check the manifest and the size of every file. The contents are not read, which is fast for large files.

    Raises ArtifactDamaged.
    """
    verify_manifest_is(folder, expected_sha256)
    for entry in read_manifest(folder)["files"]:
        try:
            size = (folder / entry["path"]).stat().st_size
        except FileNotFoundError:
            raise ArtifactDamaged(folder, entry["path"], "missing") from None
        if size != entry["size"]:
            raise ArtifactDamaged(folder, entry["path"], "has another size")


def verify_manifest(folder: Path, expected_sha256: str | None = None) -> dict[str, Any]:
    """Check size and sha256 of every file and return the manifest.

    Raises ArtifactDamaged for a missing, changed or additional file, and, where
    `expected_sha256` is given, for another manifest than the expected one.
    """
    verify_manifest_is(folder, expected_sha256)
    manifest = read_manifest(folder)
    try:
        listed = {str(entry["path"]): (entry["size"], entry["sha256"]) for entry in manifest["files"]}
    except (KeyError, TypeError):
        raise ArtifactDamaged(folder, MANIFEST, "not a manifest") from None
    present = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    for name, (size, sha256) in listed.items():
        if name not in present:
            raise ArtifactDamaged(folder, name, "missing")
        _verify_file(folder, present[name], name, size, sha256)
    for name in sorted(present.keys() - listed.keys()):
        raise ArtifactDamaged(folder, name, "not in the manifest")
    return manifest


def _verify_file(folder: Path, path: Path, name: str, size: int, sha256: str) -> None:
    try:
        if path.stat().st_size != size:
            raise ArtifactDamaged(folder, name, "has another size")
        if file_sha256(path) != sha256:
            raise ArtifactDamaged(folder, name, "has other content")
    except OSError as error:
        # Gone since the folder was listed, or on a sector that cannot be read.
        raise ArtifactDamaged(folder, name, error.strerror or "unreadable") from error


def _files(folder: Path, *, sync: bool = False) -> list[Path]:
    """Every file under `folder` but its own manifest, sorted; `sync` fsyncs each folder."""
    found: list[Path] = []
    for directory, _, names in os.walk(folder):
        found += [Path(directory, name) for name in names]
        if sync:
            sync_directory(Path(directory))
    return sorted(path for path in found if path != folder / MANIFEST)
