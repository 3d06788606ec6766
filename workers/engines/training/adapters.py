"""What is trained: a new LoRA adapter, a parent's adapter, or all weights; and how it is saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from workers.contract.artifacts import write_manifest
from workers.contract.specs.training import TrainingSpec
from workers.engines.shared.language_models import load_adapter, verify_adapter
from workers.engines.shared.runtime import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def attach_trainable(model: PreTrainedModel, spec: TrainingSpec, base_digest: str | None) -> torch.nn.Module:
    """Make the right parameters of `model` trainable; returns the module that `save_trained` takes.

    For LoRA that is the PeftModel around `model`, whose layers are replaced in place.
    """
    if spec.method == "full":
        model.requires_grad_(True)
        return model
    if spec.parent_adapter is not None:
        return _continue_parent(model, spec.parent_adapter, spec.parent_manifest_sha256, base_digest)
    return _new_adapter(model, spec)


def _new_adapter(model: PreTrainedModel, spec: TrainingSpec) -> torch.nn.Module:
    from peft import LoraConfig, get_peft_model

    settings = spec.hyperparameters
    targets = settings.target_modules
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(settings.seed)
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        raise UserError(
            "target_modules", f"No layer of the base model fits target_modules: {error}",
            param="hyperparameters.target_modules", modules=targets if isinstance(targets, str) else ", ".join(targets),
        ) from error  # fmt: skip
    # The adapter is used on other machines, where a path of this node's disk would be wrong.
    adapted.peft_config["default"].base_model_name_or_path = spec.base_model.name
    return adapted


def _continue_parent(
    model: PreTrainedModel, folder: Path, manifest_sha256: str | None, base_digest: str | None
) -> torch.nn.Module:
    """The parent keeps its own rank and layers. Raises UserError `adapter_mismatch`, EngineFault."""
    place = {"param": "parent_adapter", "what": "adapter to continue from"}
    trained_on = verify_adapter(folder, manifest_sha256, **place)["facts"].get("base_model_digest")
    if trained_on and base_digest and trained_on != base_digest:
        raise UserError(
            "adapter_mismatch",
            "The adapter to continue from was trained on another base model.",
            param="parent_adapter",
        )
    return load_adapter(model, folder, trainable=True, **place)


def save_trained(
    trained: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    spec: TrainingSpec,
    output: Path,
    base_digest: str | None,
    state: dict[str, torch.Tensor] | None = None,
) -> str:
    """Write the artifact folder under `output` and seal it; returns its manifest's sha256.

    `state` replaces the module's own weights where they are spread over processes (ZeRO 3).
    """
    folder = output / ("model" if spec.method == "full" else "adapter")
    options = {} if spec.method == "full" else {"save_embedding_layers": False}
    trained.save_pretrained(folder, state_dict=state, **options)
    (folder / "README.md").unlink(missing_ok=True)
    if spec.method == "full":
        tokenizer.save_pretrained(folder)
    return write_manifest(
        folder,
        "model" if spec.method == "full" else "adapter",
        method=spec.method,
        base_model=spec.base_model.name,
        base_model_digest=base_digest,
        spec_digest=spec.digest(),
        parent_manifest_sha256=spec.parent_manifest_sha256,
    )
