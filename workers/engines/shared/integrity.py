"""Checks before an engine reads an artifact: the files are still those that its manifest lists."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workers.contract.artifacts import ArtifactDamaged, verify_manifest
from workers.contract.specs.curation import CurationSource
from workers.contract.specs.retrieval import RetrievalSource
from workers.engines.shared.runtime import EngineFault

ANOTHER_VERSION = "Use another version of the model; look at the disk of the node."


def require_intact(
    folder: Path,
    manifest_sha256: str | None,
    *,
    param: str,
    what: str,
    remedy: str = ANOTHER_VERSION,
    reason: str = "model",
) -> dict[str, Any]:
    """The manifest of an artifact whose files are those it lists; with `manifest_sha256` it must be that manifest.

    Raises EngineFault `artifact_damaged`, with `reason` among its values.
    """
    try:
        return verify_manifest(folder, manifest_sha256)
    except ArtifactDamaged as damage:
        message = f"The {what} is damaged on the disk ({damage}). {remedy}"
        raise EngineFault(
            "artifact_damaged", message, param=param, reason=reason, file=damaged_file(damage)
        ) from damage


def damaged_file(damage: ArtifactDamaged) -> str:
    """Its name, or that of the folder where no single file is known."""
    return damage.file or damage.folder.name


def require_intact_records(files: Iterable[Path], *, param: str) -> None:
    """Check the dataset versions that contain the record files. Raises EngineFault `artifact_damaged`."""
    for file in files:
        require_intact(
            file.parent,
            None,
            param=param,
            what="dataset version",
            remedy="Build a new version from the same documents and use that one; look at the disk of the node.",
            reason="dataset",
        )


def require_intact_pages(source: CurationSource | RetrievalSource) -> None:
    """Check the pages that were extracted from a document. Raises EngineFault `pages_missing`."""
    try:
        verify_manifest(source.pages_path.parent)
    except ArtifactDamaged as damage:
        raise EngineFault(
            "pages_missing",
            f"The extracted text of {source.document_name} is missing or damaged on the disk ({damage}). "
            "Delete the document and upload it again; look at the disk of the node.",
            param=source.document_id,
            document=source.document_name,
        ) from damage
