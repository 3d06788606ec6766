"""The export engine: the adapter alone, or base and adapter merged into complete weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from workers.contract.artifacts import MANIFEST, write_manifest
from workers.contract.specs.export import ExportResult, ExportSpec
from workers.engines.export.card import model_card
from workers.engines.shared.language_models import (
    convert_weights,
    load_adapter,
    load_base_model,
    load_tokenizer,
    require_model_folder,
    verify_adapter,
)
from workers.engines.shared.precision import Machine, choose_dtype
from workers.engines.shared.runtime import Run, UserError
from workers.engines.shared.threads import GrantedThreads

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

TERMS = ("LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "NOTICE.txt", "USE_POLICY.md")
"""Files in which a base model's folder states its terms. They are copied into everything derived from it."""
MODEL_DIR = "model"


def export(run: Run, spec: ExportSpec) -> ExportResult:
    """Write `output/model/` and seal it with a manifest."""
    run.started()
    require_model_folder(spec.base_model)
    if spec.adapter is not None:
        verify_adapter(spec.adapter, spec.adapter_manifest_sha256)
    folder = run.output_dir / MODEL_DIR
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if spec.format == "adapter":
        assert spec.adapter is not None
        for file in sorted(spec.adapter.iterdir()):
            if file.is_file() and file.name not in (MANIFEST, "README.md"):
                shutil.copyfile(file, folder / file.name)
    else:
        _write_merged(run, spec, folder)
    run.raise_if_stopped()
    return _seal(run, spec, folder)


def _seal(run: Run, spec: ExportSpec, folder: Path) -> ExportResult:
    for name in TERMS:
        if (spec.base_model / name).is_file():
            shutil.copyfile(spec.base_model / name, folder / name)
    (folder / "README.md").write_text(model_card(spec), encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors makes files readable by their owner alone; others download them
    manifest = write_manifest(
        folder,
        "exported_model",
        format=spec.format,
        adapter_manifest_sha256=spec.adapter_manifest_sha256,
        **spec.facts.model_dump(mode="json"),
    )
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(folder.rglob("*"))}
    run.progress(1, 1, "model", 0)
    return ExportResult(format=spec.format, files=files, bytes=sum(files.values()), manifest_sha256=manifest)


def _write_merged(run: Run, spec: ExportSpec, folder: Path) -> None:
    import torch

    GrantedThreads(run)
    tokenizer = load_tokenizer(spec.base_model)
    model = load_base_model(spec.base_model, choose_dtype("merging", Machine.here()))
    stored = _stored_dtype(spec.base_model)
    if spec.adapter is not None:
        run.log("Merging the adapter into the base model.", code="merging")
        model = _merge(model, spec.adapter)
    run.raise_if_stopped()
    dtype = stored if spec.dtype == "keep" else getattr(torch, spec.dtype)
    convert_weights(model, dtype)
    model.config.dtype = dtype
    model.config.name_or_path = ""
    run.log("Writing the weights.", code="writing_weights", dtype=str(dtype).removeprefix("torch."))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _merge(model: PreTrainedModel, adapter: Path) -> PreTrainedModel:
    adapted = load_adapter(model, adapter)
    try:
        return adapted.merge_and_unload(safe_merge=True)
    except ValueError as error:  # the sum has a weight that is not a number
        raise UserError(
            "adapter_mismatch", "The adapter does not fit the base model.", param="adapter"
        ) from error


def _stored_dtype(base_model: Path) -> torch.dtype:
    """The precision the base model's own configuration names."""
    import torch
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(base_model, local_files_only=True, trust_remote_code=False)
    named = config.dtype or config.get_text_config().dtype
    return named if isinstance(named, torch.dtype) else torch.float32
