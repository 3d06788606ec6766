"""Reads what a base model folder holds and checks that it is safe, with the standard library alone.

A folder with code or pickles in it is refused: weights are safetensors, configuration is JSON.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

from workers.contract.model_shape import SizeMissing, model_shape
from workers.contract.spec import Spec

PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz"}
CODE = {".py", ".pyc", ".so"}
LARGEST_HEADER = 100_000_000


class UnsafeModelFolder(Exception):
    """The folder cannot be registered or loaded; `code` is stable (`base_model_unsafe`), `values` are those of `RunError`."""

    def __init__(self, code: str, message: str, **values: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.values = values


class ModelFolderFacts(Spec):
    """What the files state; the model is not run."""

    architecture: str
    """transformers' class, for example `Gemma3ForCausalLM`."""
    model_type: str
    parameters: int
    """Numbers stored in the weights; tied weights count once."""
    context_length: int
    vocabulary_size: int
    hidden_size: int
    layers: int
    files: dict[str, int]
    """Size in bytes by name."""
    folder_digest: str
    """sha256 over names, sizes and contents of all files but `manifest.json`."""
    has_chat_template: bool


def inspect_model_folder(path: Path, *, kind: str = "causal_lm") -> ModelFolderFacts:
    """Check the folder and read its facts. Every byte is read for the digest: seconds for each gigabyte.

    `kind` is `causal_lm` or `embedding` (an encoder).
    Raises UnsafeModelFolder with `base_model_missing`, `base_model_unsafe`, `base_model_damaged`
    or `base_model_unsupported`.
    """
    check_model_folder(path)
    config = _json(path / "config.json")
    try:
        shape = model_shape(config)
    except SizeMissing as error:
        raise UnsafeModelFolder(
            "base_model_unsupported", str(error), reason="size_missing", setting=error.setting
        ) from error
    files = _files(path)
    tokenizer = _json(path / "tokenizer_config.json") if "tokenizer_config.json" in files else {}
    return ModelFolderFacts(
        architecture=_architecture(config, kind),
        model_type=str(config.get("model_type", "")),
        parameters=sum(_tensor_elements(file) for file in path.glob("*.safetensors")),
        context_length=shape.context_length,
        vocabulary_size=shape.vocabulary_size,
        hidden_size=shape.hidden_size,
        layers=shape.layers,
        files={name: file.stat().st_size for name, file in files.items()},
        folder_digest=model_folder_digest(path),
        has_chat_template="chat_template.jinja" in files or bool(tokenizer.get("chat_template")),
    )


def check_model_folder(path: Path) -> None:
    """Check that there is a model, no pickle and no code, and that the weights are complete.

    Only the headers of the weights are read. Raises UnsafeModelFolder.
    """
    if not (path / "config.json").is_file():
        raise UnsafeModelFolder(
            "base_model_missing",
            f"There is no model in {path}: config.json is missing.",
            reason="no_config",
            folder=path.name,
        )
    for name in _files(path):
        suffix = Path(name).suffix.lower()
        if suffix in PICKLES or suffix in CODE:
            kind = "a pickle" if suffix in PICKLES else "code"
            raise UnsafeModelFolder(
                "base_model_unsafe",
                f"{name} may hold {kind}, which is never loaded. Convert the weights to safetensors "
                "and remove the file from the folder.",
                reason="pickle" if suffix in PICKLES else "code",
                file=name,
            )
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        if (path / name).is_file() and "auto_map" in _json(path / name):
            raise UnsafeModelFolder(
                "base_model_unsafe",
                f"{name} asks for remote code (auto_map). Only architectures built into transformers are run.",
                reason="remote_code",
                file=name,
            )
    _check_weights(path)


def model_folder_digest(path: Path) -> str:
    """One sha256 for the whole folder, independent of its path and of its manifest."""
    whole = hashlib.sha256()
    for name, file in _files(path).items():
        if name == "manifest.json":
            continue
        with open(file, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(f"{digest} {file.stat().st_size} {name}\n".encode())
    return whole.hexdigest()


def _files(path: Path) -> dict[str, Path]:
    """Files by relative name, sorted; hidden ones (`.git`, `.cache`) are not part of a model."""
    found = {
        file.relative_to(path).as_posix(): file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    }
    return dict(sorted(found.items()))


def _check_weights(path: Path) -> None:
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise UnsafeModelFolder(
            "base_model_missing",
            f"There are no safetensors weights in {path}.",
            reason="no_weights",
            folder=path.name,
        )
    index = path / "model.safetensors.index.json"
    if index.is_file():
        absent = set(_json(index).get("weight_map", {}).values()) - {file.name for file in weights}
        if absent:
            raise UnsafeModelFolder(
                "base_model_damaged",
                f"The weights lack {sorted(absent)[0]}.",
                reason="file_missing",
                file=sorted(absent)[0],
            )
    for file in weights:
        _tensor_elements(file)


def _tensor_elements(file: Path) -> int:
    """Number of elements in a safetensors file, whose header must agree with its size."""
    header, data_size = _safetensors_header(file)
    elements, end = 0, 0
    try:
        for name, tensor in header.items():
            if name != "__metadata__":
                elements += math.prod(tensor["shape"])
                end = max(end, tensor["data_offsets"][1])
    except (TypeError, KeyError, IndexError):
        raise _damaged(file) from None
    if end != data_size:
        raise _damaged(file)
    return elements


def _safetensors_header(file: Path) -> tuple[dict[str, Any], int]:
    size = file.stat().st_size
    with open(file, "rb") as stream:
        prefix = stream.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if not 2 <= length <= min(size - 8, LARGEST_HEADER):
            raise _damaged(file)
        try:
            header = json.loads(stream.read(length))
        except ValueError:
            raise _damaged(file) from None
    if not isinstance(header, dict):
        raise _damaged(file)
    return header, size - 8 - length


def _damaged(file: Path) -> UnsafeModelFolder:
    return UnsafeModelFolder(
        "base_model_damaged",
        f"{file.name} is cut off or not a safetensors file.",
        reason="not_safetensors",
        file=file.name,
    )


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UnsafeModelFolder(
            "base_model_damaged", f"{file.name} is not a JSON object.", reason="not_json", file=file.name
        )
    return value


ARCHITECTURE_ENDINGS = {
    "causal_lm": ("ForCausalLM", "ForConditionalGeneration"),
    "embedding": ("Model", "ForMaskedLM"),
}


def _architecture(config: dict[str, Any], kind: str) -> str:
    architecture = str((config.get("architectures") or [""])[0])
    if not architecture.endswith(ARCHITECTURE_ENDINGS[kind]):
        expected = "a causal language model" if kind == "causal_lm" else "an encoder"
        raise UnsafeModelFolder(
            "base_model_unsupported",
            f"config.json does not name {expected} in `architectures`.",
            reason="no_language_model" if kind == "causal_lm" else "no_encoder",
        )
    return architecture
