"""Adapters: what a request names, by the digest of its content, and whether its files may be loaded."""

from __future__ import annotations

from pathlib import Path

from workers.contract.artifacts import MANIFEST, ArtifactDamaged, manifest_sha256, verify_manifest
from workers.engines.serving.backends.protocol import AdapterFolder
from workers.engines.serving.errors import artifact_damaged

PARAM = "kosha.adapter"
FILES = ("adapter_config.json", "adapter_model.safetensors")
PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}


def adapter_folder(path: Path, expected_sha256: str | None) -> AdapterFolder:
    """The adapter in `path`, named by the expected digest, or by its manifest where none is expected."""
    try:
        return AdapterFolder(path, expected_sha256 or manifest_sha256(path))
    except OSError as error:
        raise artifact_damaged(f"{path.name}/{MANIFEST}: missing", PARAM) from error


def verify_adapter(adapter: AdapterFolder) -> None:
    """Check every file against the manifest, and the manifest against the digest.

    Raises ServeError `serve.system.artifact_damaged`.
    """
    try:
        verify_manifest(adapter.path, adapter.digest)
    except ArtifactDamaged as damage:
        raise artifact_damaged(str(damage), PARAM) from damage
    for name in FILES:
        if not (adapter.path / name).is_file():
            raise artifact_damaged(f"{name} is missing", PARAM)
    if any(path.suffix.lower() in PICKLES for path in adapter.path.rglob("*")):
        raise artifact_damaged("the adapter holds a pickle, which is never loaded", PARAM)
