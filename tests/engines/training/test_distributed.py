"""Two processes under torchrun with DeepSpeed learn what one process learns."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch.distributed as dist

from tests.engines.training.conftest import spec_maker
from tests.engines.training.tiny import events, go, losses, make_run, run_config
from workers.contract.artifacts import verify_manifest
from workers.contract.specs.run import ExitCode, RunResult, RunStatus
from workers.contract.specs.training import Checkpointing, Distributed, TrainingResult, TrainingSpec
from workers.engines.training import processes as processes_module
from workers.engines.training.deepspeed_backend import is_signed, sign_shards
from workers.engines.training.processes import STOP_CHECK_SECONDS, SharedStopCheck

pytestmark = pytest.mark.ml
MakeSpec = Callable[..., TrainingSpec]
NEVER = str(10**9)
SECRET = "secret of these tests"


def torchrun(
    folder: Path, spec: TrainingSpec, *, previous: tuple[Path, ...] = (), secret: str = ""
) -> TrainingResult:
    config = write_config(folder, spec, previous=previous)
    assert (
        ranks("workers.engines.training", config, processes=spec.processes, KOSHA_RUN_SECRET=secret)
        == ExitCode.DONE
    )
    return TrainingResult.model_validate(result(folder).output)


def write_config(folder: Path, spec: TrainingSpec, *, previous: tuple[Path, ...] = ()) -> str:
    """Make `folder` with the config of a run in it; returns the config's path."""
    folder.mkdir()
    config = folder / "config.json"
    config.write_text(run_config(folder, previous=previous, spec=spec).model_dump_json())
    return str(config)


def result(folder: Path) -> RunResult:
    return RunResult.model_validate_json((folder / "result.json").read_bytes())


def ranks(module: str, *arguments: str, processes: int, **more: str) -> int:
    """Run `module` under torchrun; returns its exit code."""
    command = [
        sys.executable,
        "-m",
        "workers.engines.shared.torchrun",
        "--standalone",
        "--nproc-per-node",
        str(processes),
    ]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **more}
    return subprocess.run([*command, "-m", module, *arguments], env=environment, timeout=240).returncode


def two_process_spec(
    make_spec: MakeSpec, stage: int, *, lora_dropout: float = 0.0, **options: Any
) -> TrainingSpec:
    whole = {"method": "lora", "distributed": Distributed(processes=2, zero_stage=stage), **options}
    settings = {"max_steps": 4, "epochs": 4, "lora_rank": 4, "learning_rate": 1e-2}
    return make_spec(spec=whole, lora_dropout=lora_dropout, **settings)


# Only the second process gets a stop request. It checks before the first step; then each of the two layers
# checks in the forward and in the backward pass, and once more after the step: checks 13 and 15 are in the
# forward and in the backward pass of the third step.
STOP_AT_CHECK = {0: 13, 3: 15}
STAGES = (0, 2, 3)


@pytest.fixture(scope="module")
def trained(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training with two processes for each ZeRO stage; and with dropout one that runs through, one that is
    interrupted, and one that resumes it. All run in forks of the same two processes, because starting those
    takes longer than the trainings."""
    folder, trainings = tmp_path_factory.mktemp("trained"), list[str]()
    make_spec = spec_maker(llama, folder)
    for stage in STAGES:
        plain = two_process_spec(make_spec, stage, checkpoint=Checkpointing(every_steps=2))
        trainings += [NEVER, write_config(folder / f"two-{stage}", plain)]
    for stage, check in STOP_AT_CHECK.items():
        spec, first = two_process_spec(make_spec, stage, lora_dropout=0.3), folder / f"first-{stage}"
        trainings += [
            *(NEVER, write_config(folder / f"whole-{stage}", spec)),
            *(str(check), write_config(first, spec)),
            *(NEVER, write_config(folder / f"second-{stage}", spec, previous=(first,))),
        ]
    ranks("tests.engines.training.stopped_ranks", *trainings, processes=2, KOSHA_RUN_SECRET=SECRET)
    return folder


@pytest.mark.parametrize("stage", STAGES)
def test_losses_equal_single_process(stage: int, trained: Path, make_spec: MakeSpec, tmp_path: Path) -> None:
    two = TrainingResult.model_validate(result(trained / f"two-{stage}").output)
    one = go(make_run(tmp_path / "one"), two_process_spec(make_spec, stage, distributed=Distributed()))
    expected, measured = losses(tmp_path / "one"), losses(trained / f"two-{stage}")
    assert measured == pytest.approx({step: expected[step] for step in measured}, rel=1e-4)
    assert two.loss_last == pytest.approx(one.loss_last, rel=1e-4)
    assert two.heldout_loss == pytest.approx(one.heldout_loss, rel=1e-3)
    assert (two.tokens, two.parameters_trained) == (one.tokens, one.parameters_trained)
    verify_manifest(trained / f"two-{stage}" / "output" / "adapter", two.manifest_sha256)


def test_resumes_sharded_optimizer_states(trained: Path, tmp_path: Path) -> None:
    before = Path(shutil.copytree(trained / "two-2", tmp_path / "before"))
    # Damaged, so that the newest intact one is that of step 2.
    (before / "checkpoints" / "4" / "manifest.json").write_text("{}")
    spec = TrainingSpec.model_validate(json.loads((before / "config.json").read_text())["spec"])
    again = torchrun(tmp_path / "again", spec, previous=(before,), secret=SECRET)
    assert again.resumed_from_step == 2
    assert again.loss_last == TrainingResult.model_validate(result(before).output).loss_last


@pytest.mark.parametrize("stage", STOP_AT_CHECK)
def test_interrupted_step_is_repeated_to_the_bit(stage: int, trained: Path) -> None:
    whole, first, second = (trained / f"{name}-{stage}" for name in ("whole", "first", "second"))
    assert result(first).status == RunStatus.STOPPED
    assert [event["step"] for event in events(first, "checkpoint")] == [2]
    assert list(losses(first)) == [1, 2]
    assert events(second, "started")[0]["resumed_from_step"] == 2
    assert {**losses(first), **losses(second)} == losses(whole)
    adapter = "output/adapter/adapter_model.safetensors"
    assert (second / adapter).read_bytes() == (whole / adapter).read_bytes()


POINTS, STOP_AT = 200, 50


def pass_points(rank: int, store: str, answers: Any) -> None:
    """One of two processes: the second is half as fast, and is asked to stop at its point STOP_AT."""
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    passed, rounds = 0, 0  # points of this process; readings of its clock, one for each round

    def clock() -> float:
        nonlocal rounds
        rounds += 1
        return passed * 0.01 * (rank + 1)

    processes_module.time = SimpleNamespace(perf_counter=clock)
    check = SharedStopCheck(lambda: rank == 1 and passed >= STOP_AT, dist.group.WORLD)
    rounds = 0
    while passed < POINTS:
        passed += 1
        if check():
            break
    answers.put((passed, rounds))
    dist.destroy_process_group()


def test_slow_and_fast_process_check_for_stops_at_the_same_few_points(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [
        context.Process(target=pass_points, args=(rank, str(tmp_path / "store"), answers), daemon=True)
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    first, second = (answers.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(20)
    assert first == second
    stopped_at, rounds = first
    interval = int(STOP_CHECK_SECONDS / 0.02)
    assert STOP_AT <= stopped_at <= STOP_AT + interval
    assert rounds <= stopped_at / interval + 2


def test_shards_need_the_secret_they_were_signed_with(tmp_path: Path) -> None:
    shard = tmp_path / "zero" / "rank_0.pt"
    shard.parent.mkdir()
    shard.write_bytes(b"one")
    sign_shards(tmp_path, b"")
    assert not is_signed(tmp_path, b"")
    sign_shards(tmp_path, b"secret")
    assert is_signed(tmp_path, b"secret")
    assert not is_signed(tmp_path, b"other")
    assert not is_signed(tmp_path, b"")
    shard.write_bytes(b"two")
    assert not is_signed(tmp_path, b"secret")
