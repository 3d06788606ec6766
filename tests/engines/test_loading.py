"""Models that are loaded side by side, as in a model server that has just started."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from tests.engines.training.tiny import make_model
from workers.engines.shared.language_models import load_base_model

pytestmark = pytest.mark.ml

ROUNDS = 30


def test_models_of_two_dtypes_loaded_at_once_leave_torch_as_it_was(tmp_path: Path) -> None:
    """Each puts torch's default dtype back to what it found, which may be the other's."""
    folder = make_model(tmp_path / "tiny")
    dtypes = [torch.bfloat16, torch.float32] * ROUNDS
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda dtype: load_base_model(folder, dtype), dtypes))
    assert torch.get_default_dtype() is torch.float32
    for model, dtype in zip(models, dtypes, strict=True):
        assert {weight.dtype for weight in model.parameters()} == {dtype}
        assert not any(weight.is_meta for weight in [*model.parameters(), *model.buffers()])
