"""The two models that are compared, loaded once: an adapter is switched off to get its base back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from workers.contract.specs.evaluation import EvaluationSpec
from workers.engines.shared.integrity import require_sound
from workers.engines.shared.language_models import load_adapter, load_base_model, verify_adapter

Side = Literal["base", "tuned"]


class Contestants:
    """`sides` to measure, and for each the model: `with contestants.playing(side) as model`."""

    def __init__(self, base: Any, tuned: Any | None = None, *, tuned_is_adapter: bool = False) -> None:
        self._base = base
        self._tuned = tuned
        self._tuned_is_adapter = tuned_is_adapter
        self.sides: tuple[Side, ...] = ("base",) if tuned is None else ("base", "tuned")

    @property
    def context_length(self) -> int:
        return int(self._base.config.get_text_config().max_position_embeddings)

    @contextmanager
    def playing(self, side: Side) -> Iterator[Any]:
        """The model of that side, in evaluation mode and without gradients."""
        with torch.inference_mode():
            if side == "base" and self._tuned_is_adapter:
                with self._tuned.disable_adapter():
                    yield self._tuned
            else:
                yield self._base if side == "base" else self._tuned

    def to_precision(self, dtype: torch.dtype) -> None:
        """Convert the weights in place, and them alone: rounding the positions' frequencies would hurt."""
        for model in {id(self._base): self._base, id(self._tuned): self._tuned}.values():
            for parameter in model.parameters() if model is not None else ():
                if parameter.is_floating_point():
                    parameter.data = parameter.data.to(dtype)


def load_contestants(spec: EvaluationSpec, dtype: torch.dtype, device: str) -> Contestants:
    """Load what the spec names. Raises UserError `base_model_…`, `adapter_mismatch`, EngineFault."""
    base = load_base_model(spec.base_model, dtype, device)
    if spec.adapter is not None:
        verify_adapter(spec.adapter, spec.tuned_manifest_sha256)
        return Contestants(base, load_adapter(base, spec.adapter).eval(), tuned_is_adapter=True)
    if spec.tuned_model is not None:
        require_sound(spec.tuned_model, spec.tuned_manifest_sha256, param="tuned_model", what="tuned model")
        return Contestants(base, load_base_model(spec.tuned_model, dtype, device))
    return Contestants(base)
