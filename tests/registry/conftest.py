"""A model folder that may be registered."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    """A model of two numbers below a model root."""
    settings.KOSHA_MODEL_ROOTS = [tmp_path]
    folder = tmp_path / "tiny"
    folder.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 64, "vocab_size": 8}
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 4, "num_hidden_layers": 1}))
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    return folder
