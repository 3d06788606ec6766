"""What the tests of training share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.training.tiny import make_model, mixed_records, write_dataset
from workers.contract.specs.training import Hyperparameters, TrainingSpec


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("gemma"), "gemma3")


def spec_maker(llama: Path, folder: Path) -> Callable[..., TrainingSpec]:
    """`make(max_steps=3, spec={...})`: full training of the tiny Llama on mixed records in `folder`."""
    records = write_dataset(folder / "dataset", mixed_records())

    def make(spec: dict[str, Any] | None = None, **hyperparameters: Any) -> TrainingSpec:
        settings = {"learning_rate": 1e-3, "epochs": 2, "sequence_length": 512, "tokens_per_step": 1024}
        whole: dict[str, Any] = {
            "base_model": llama,
            "method": "full",
            "record_files": (records,),
            "hyperparameters": Hyperparameters(**{**settings, **hyperparameters}),
        }
        return TrainingSpec(**{**whole, **(spec or {})})

    return make


@pytest.fixture
def make_spec(llama: Path, tmp_path: Path) -> Callable[..., TrainingSpec]:
    return spec_maker(llama, tmp_path)
