"""The sizes of a model, read from its `config.json`, and what follows from them by plain arithmetic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ModelShape:
    hidden_size: int
    layers: int
    vocabulary_size: int
    context_length: int

    def lora_parameters(self, rank: int) -> int:
        """Parameters of a LoRA adapter on all linear layers: about 23 times rank times width for each layer.

        A linear layer from a to b dimensions gets rank * (a + b). With the usual shapes (four attention
        projections, three of a feed-forward network four times as wide) the sum is 4 * 2 + 3 * 5 = 23 widths.
        """
        return 23 * rank * self.hidden_size * self.layers


class SizeMissing(ValueError):
    """`config.json` lacks a size, the `setting`."""

    def __init__(self, setting: str) -> None:
        super().__init__(f"config.json does not say `{setting}`.")
        self.setting = setting


def model_shape(config: Mapping[str, Any]) -> ModelShape:
    """From the content of a `config.json`. Raises SizeMissing."""
    # A model with several kinds of input keeps the sizes of its language part apart.
    text = config.get("text_config", config)
    return ModelShape(
        hidden_size=_number(text, "hidden_size", "n_embd"),
        layers=_number(text, "num_hidden_layers", "n_layer"),
        vocabulary_size=_number(text, "vocab_size"),
        context_length=_number(text, "max_position_embeddings", "n_positions"),
    )


def read_model_shape(folder: Path) -> ModelShape | None:
    """None where the folder holds no `config.json` with all sizes."""
    try:
        return model_shape(json.loads((folder / "config.json").read_bytes()))
    except (OSError, ValueError, AttributeError):
        return None


def weights_bytes(folder: Path) -> int:
    """Size of the stored weights; 0 where there are none."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _number(config: Any, *names: str) -> int:
    for name in names:
        if isinstance(config, Mapping) and isinstance(config.get(name), int):
            return int(config[name])
    raise SizeMissing(names[0])
