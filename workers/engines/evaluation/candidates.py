"""The candidates of an evaluation: each model folder is loaded once, and one candidate is active at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workers.contract.specs.evaluation import Candidate
from workers.engines.shared.integrity import require_sound
from workers.engines.shared.language_models import (
    load_adapter,
    load_base_model,
    load_tokenizer,
    verify_adapter,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class LoadedCandidate:
    """A candidate with its weights, which it may share with others, and its tokenizer."""

    def __init__(
        self, spec: Candidate, weights: Any, tokenizer: PreTrainedTokenizerBase, *, has_adapters: bool
    ) -> None:
        """`has_adapters`: adapters, of this candidate or of others, are on `weights`."""
        self.name = spec.name
        self.system_prompt = spec.system_prompt
        self.tokenizer = tokenizer
        self._weights = weights
        self._adapter = spec.name if spec.adapter is not None else None
        self._has_adapters = has_adapters

    @property
    def context_length(self) -> int:
        return int(self._weights.config.get_text_config().max_position_embeddings)

    @contextmanager
    def activate(self) -> Iterator[Any]:
        """The model of this candidate, in evaluation mode and without gradients."""
        if self._adapter is not None:
            self._weights.set_adapter(self._adapter)
        switched_off = self._has_adapters and self._adapter is None
        with torch.inference_mode(), self._weights.disable_adapter() if switched_off else nullcontext():
            yield self._weights

    def to_precision(self, dtype: torch.dtype) -> None:
        """Convert the weights in place, and them alone: rounding the positions' frequencies would hurt."""
        for parameter in self._weights.parameters():
            if parameter.is_floating_point():
                parameter.data = parameter.data.to(dtype)


def load_candidates(specs: Sequence[Candidate], dtype: torch.dtype, device: str) -> list[LoadedCandidate]:
    """Candidates in the order of `specs`. Raises UserError `base_model_…`, `adapter_mismatch`, EngineFault."""
    weights: dict[Path, Any] = {}
    tokenizers: dict[Path, PreTrainedTokenizerBase] = {}
    for spec in specs:
        if spec.model not in weights:
            weights[spec.model] = load_base_model(spec.model, dtype, device)
            tokenizers[spec.model] = load_tokenizer(spec.model)
        if spec.adapter is not None:
            verify_adapter(spec.adapter, spec.manifest_sha256)
            weights[spec.model] = load_adapter(weights[spec.model], spec.adapter, name=spec.name).eval()
        elif spec.manifest_sha256 is not None:
            require_sound(spec.model, spec.manifest_sha256, param="model", what="tuned model")
    adapted = {spec.model for spec in specs if spec.adapter is not None}
    return [
        LoadedCandidate(spec, weights[spec.model], tokenizers[spec.model], has_adapters=spec.model in adapted)
        for spec in specs
    ]
