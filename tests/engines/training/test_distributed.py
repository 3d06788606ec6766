"""Two processes under torchrun with DeepSpeed learn what one process learns."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.training.tiny import go, losses, make_run, run_config
from workers.artifacts import verify_manifest
from workers.specs.run import RunResult
from workers.specs.train import Checkpointing, Distributed, TrainResult, TrainSpec
from workers.training.distributed import is_signed, sign

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


@pytest.mark.parametrize("stage", [0, 3])
def test_losses_agree_with_one_process(stage: int, make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = spread(make_spec, stage)
    check_agreement(torchrun(tmp_path / "two", spec), spec, tmp_path)


def test_split_optimizer_states_agree_and_resume(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = spread(make_spec, 2, checkpoint=Checkpointing(every_steps=2))
    first = torchrun(tmp_path / "two", spec, secret="of this run")
    check_agreement(first, spec, tmp_path)
    last = tmp_path / "two" / "checkpoints" / "4"
    (last / "manifest.json").write_text("{}")  # torn: the one at step 2 is the newest sound one
    second = torchrun(tmp_path / "again", spec, previous=(tmp_path / "two",), secret="of this run")
    assert second.resumed_from_step == 2
    assert second.loss_last == first.loss_last


def check_agreement(two: TrainResult, spec: TrainSpec, folder: Path) -> None:
    one = go(make_run(folder / "one"), spec.model_copy(update={"distributed": Distributed()}))
    expected, measured = losses(folder / "one"), losses(folder / "two")
    assert measured == pytest.approx({step: expected[step] for step in measured}, rel=1e-4)
    assert two.loss_last == pytest.approx(one.loss_last, rel=1e-4)
    assert two.heldout_loss == pytest.approx(one.heldout_loss, rel=1e-3)
    assert (two.tokens, two.parameters_trained) == (one.tokens, one.parameters_trained)
    verify_manifest(folder / "two" / "output" / "adapter", two.manifest_sha256)


def test_shards_are_loaded_only_with_the_secret_they_were_signed_with(tmp_path: Path) -> None:
    shard = tmp_path / "zero" / "rank_0.pt"
    shard.parent.mkdir()
    shard.write_bytes(b"one")
    sign(tmp_path, b"")
    assert not is_signed(tmp_path, b"")
    sign(tmp_path, b"secret")
    assert is_signed(tmp_path, b"secret")
    assert not is_signed(tmp_path, b"other")
    assert not is_signed(tmp_path, b"")
    shard.write_bytes(b"two")
    assert not is_signed(tmp_path, b"secret")
