"""Two processes under torchrun with DeepSpeed learn what one process learns."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.training.tiny import losses, run_config
from workers.artifacts import verify_manifest
from workers.specs.run import RunResult
from workers.specs.train import Checkpointing, Distributed, TrainResult, TrainSpec

pytestmark = pytest.mark.ml
MakeSpec = Callable[..., TrainSpec]


def torchrun(
    folder: Path, spec: TrainSpec, *, previous: tuple[Path, ...] = (), secret: str = ""
) -> TrainResult:
    folder.mkdir()
    config = folder / "config.json"
    config.write_text(run_config(folder, previous=previous, spec=spec).model_dump_json())
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(spec.processes), "-m", "workers.train", str(config)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "KOSHA_RUN_SECRET": secret}
    subprocess.run(command, check=True, env=environment, timeout=240)
    result = RunResult.model_validate_json((folder / "result.json").read_bytes())
    return TrainResult.model_validate(result.output)


def spread(make_spec: MakeSpec, stage: int, **options: Any) -> TrainSpec:
    whole = {"method": "lora", "distributed": Distributed(processes=2, zero_stage=stage), **options}
    settings = {"max_steps": 4, "epochs": 4, "lora_rank": 4, "learning_rate": 1e-2}
    return make_spec(spec=whole, **settings)


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[int, float]:
    return {}


@pytest.mark.parametrize("stage", [0, 2, 3])
def test_losses_agree_with_one_process(stage: int, make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = spread(make_spec, stage)
    one = torchrun(tmp_path / "one", spec.model_copy(update={"distributed": Distributed()}))
    two = torchrun(tmp_path / "two", spec)
    expected, measured = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert measured == pytest.approx({step: expected[step] for step in measured}, rel=1e-4)
    assert two.loss_last == pytest.approx(one.loss_last, rel=1e-4)
    assert two.heldout_loss == pytest.approx(one.heldout_loss, rel=1e-3)
    assert (two.tokens, two.parameters_trained) == (one.tokens, one.parameters_trained)
    verify_manifest(tmp_path / "two" / "output" / "adapter", two.manifest_sha256)


@pytest.mark.parametrize("stage", [0, 2])
def test_a_run_over_processes_resumes(stage: int, make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = spread(make_spec, stage, checkpoint=Checkpointing(every_steps=2))
    first = torchrun(tmp_path / "first", spec, secret="s3")
    last = tmp_path / "first" / "checkpoints" / "4"
    (last / "manifest.json").write_text("{}")  # torn: the one at step 2 is the newest sound one
    second = torchrun(tmp_path / "second", spec, previous=(tmp_path / "first",), secret="s3")
    assert second.resumed_from_step == 2
    assert second.loss_last == first.loss_last
    if stage:
        third = torchrun(tmp_path / "third", spec, previous=(tmp_path / "first",), secret="other")
        assert third.resumed_from_step is None
