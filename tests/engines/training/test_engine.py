"""Whole runs on a tiny random model: golden losses, checkpoints, resuming, stopping, refusals."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engines.training.tiny import (
    events,
    go,
    losses,
    make_run,
    mixed_records,
    pair_record,
    run_config,
    text_record,
    write_dataset,
)
from workers.contract.artifacts import read_manifest, verify_manifest
from workers.contract.run_folder import RunFolder
from workers.contract.specs.run import RunConfig
from workers.contract.specs.training import Checkpointing, TrainingSpec
from workers.engines.shared import threads
from workers.engines.shared.runtime import EngineFault, Run, RunStopped, UserError
from workers.engines.training.backend import SingleProcess
from workers.engines.training.checkpoints import CheckpointStore, RunIdentity
from workers.engines.training.processes import Processes

pytestmark = pytest.mark.ml

MakeSpec = Callable[..., TrainingSpec]
# Measured once with this code. A change means that training computes something else.
GOLDEN = [5.910410, 5.803139, 5.634219]


class StopAfter(Run):
    """A run that is asked to stop when a given step is reported."""

    def __init__(self, config: RunConfig, *, step: int) -> None:
        super().__init__(config)
        self.stop_step = step

    def metrics(self, step: int, **values: float) -> None:
        super().metrics(step, **values)
        if step == self.stop_step:
            self.request_stop()


def test_losses_equal_golden_values(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=3)
    result = go(make_run(tmp_path / "run"), spec)
    assert list(losses(tmp_path / "run").values()) == pytest.approx(GOLDEN, rel=1e-4)
    assert result.steps == 3
    assert result.heldout_loss is not None
    assert result.parameters_trained == result.parameters_total
    assert result.records == {"text": 12, "pair": 4, "too_long": 0}
    manifest = verify_manifest(tmp_path / "run" / "output" / "model", result.manifest_sha256)
    assert manifest["facts"]["base_model_digest"] == result.base_model_digest


def test_events_report_steps_progress_and_checkpoints(make_spec: MakeSpec, tmp_path: Path) -> None:
    result = go(make_run(tmp_path / "run"), make_spec(spec={"checkpoint": Checkpointing(every_steps=2)}))
    assert events(tmp_path / "run", "started")[0]["resumed_from_step"] is None
    points = events(tmp_path / "run", "metrics")
    assert [point["step"] for point in points] == list(range(1, result.steps + 1))
    names = {"loss", "learning_rate", "grad_norm", "tokens_per_second", "tokens"}
    assert all(set(point["values"]) == names for point in points)
    assert points[-1]["values"]["tokens"] == result.tokens
    last = events(tmp_path / "run", "progress")[-1]
    assert (last["done"], last["total"], last["unit"]) == (result.steps, result.steps, "step")
    saved = events(tmp_path / "run", "checkpoint")
    assert [event["step"] for event in saved][:2] == [2, 4]
    for event in saved[-3:]:
        # Relative to the run's folder, so that it stays right when the folder is moved or restored elsewhere.
        assert event["path"] == f"checkpoints/{event['step']}"
        verify_manifest(tmp_path / "run" / event["path"], event["manifest_sha256"])


def test_training_lowers_the_loss(make_spec: MakeSpec, tmp_path: Path) -> None:
    result = go(make_run(tmp_path / "run"), make_spec(epochs=10, learning_rate=3e-3))
    assert result.loss_last < result.loss_first - 1


def test_resumed_run_equals_uninterrupted_one_to_the_bit(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=6, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    whole = go(make_run(tmp_path / "whole"), spec)

    first = StopAfter(run_config(tmp_path / "first"), step=3)
    with pytest.raises(RunStopped) as stopped:
        go(first, spec)
    assert stopped.value.step == 3
    second = make_run(tmp_path / "second", previous=(tmp_path / "first",))
    resumed = go(second, spec)

    assert resumed.resumed_from_step == 3
    assert events(tmp_path / "second", "started")[0]["resumed_from_step"] == 3
    together = {**losses(tmp_path / "first"), **losses(tmp_path / "second")}
    assert together == losses(tmp_path / "whole")
    assert resumed.tokens == whole.tokens
    assert resumed.loss_first == whole.loss_first
    weights = "output/model/model.safetensors"
    assert (tmp_path / "second" / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()


def test_resumes_to_the_bit_after_files_moved(make_spec: MakeSpec, tmp_path: Path) -> None:
    """As after restoring an installation elsewhere: the same files under other paths."""
    spec = make_spec(spec={"checkpoint": Checkpointing(every_steps=2)}, max_steps=5)
    go(make_run(tmp_path / "whole"), spec)
    with pytest.raises(RunStopped):
        go(StopAfter(run_config(tmp_path / "first"), step=3), spec)
    there = tmp_path / "moved"
    moved = spec.model_copy(
        update={
            "base_model": Path(shutil.copytree(spec.base_model, there / "base")),
            "record_files": tuple(
                Path(shutil.copytree(path.parent, there / "dataset"), path.name) for path in spec.record_files
            ),
        }
    )
    first = Path(shutil.move(tmp_path / "first", there / "first"))
    resumed = go(make_run(tmp_path / "second", previous=(first,)), moved)
    assert resumed.resumed_from_step == 3
    whole = losses(tmp_path / "whole")
    assert losses(tmp_path / "second") == {step: loss for step, loss in whole.items() if step > 3}


class StopAtCheck(Run):
    """A run whose stop is requested at its n-th check."""

    def __init__(self, config: RunConfig, *, check: int) -> None:
        super().__init__(config)
        self.checks_left = check

    @property
    def stop_requested(self) -> bool:
        self.checks_left -= 1
        return self.checks_left <= 0


# The first check is before the first step; then each of the two layers checks in the forward and in the
# backward pass of each pack, and once more after the step.
@pytest.mark.parametrize("check", [2, 5, 8, 9, 10, 11])
def test_interrupted_step_is_repeated_to_the_bit(make_spec: MakeSpec, tmp_path: Path, check: int) -> None:
    settings = {"max_steps": 4, "epochs": 4, "lora_dropout": 0.3, "lora_rank": 4}
    spec = make_spec(**settings, spec={"method": "lora"})
    go(make_run(tmp_path / "whole"), spec)

    with pytest.raises(RunStopped) as stopped:
        go(StopAtCheck(run_config(tmp_path / "first"), check=check), spec)
    assert stopped.value.step < 4
    resumed = go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), spec)

    assert resumed.resumed_from_step == (stopped.value.step or None)
    assert {**losses(tmp_path / "first"), **losses(tmp_path / "second")} == losses(tmp_path / "whole")


def test_passes_over_damaged_checkpoint(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=6, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    with pytest.raises(RunStopped):
        go(StopAfter(run_config(tmp_path / "first"), step=5), spec)
    checkpoints = tmp_path / "first" / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["2", "4", "5"]
    (checkpoints / "5" / "optimizer.safetensors").write_bytes(b"damaged")
    shutil.copytree(checkpoints / "4", checkpoints / "6.tmp")
    resumed = go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), spec)
    assert resumed.resumed_from_step == 4
    assert "damaged" in events(tmp_path / "second", "log")[0]["message"]


def flip_last_bit(path: Path) -> None:
    """The file stays readable, with one other number in it."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"damaged"), flip_last_bit])
def test_reports_checkpoint_damaged_between_check_and_load(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], Any]
) -> None:
    spec = make_spec(max_steps=4, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    go(make_run(tmp_path / "first"), spec)
    load = SingleProcess.load

    def damage_then_load(backend: SingleProcess, folder: Path) -> bool:
        damage(folder / "optimizer.safetensors")
        return load(backend, folder)

    with monkeypatch.context() as patch, pytest.raises(EngineFault) as fault:
        patch.setattr(SingleProcess, "load", damage_then_load)
        go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), spec)
    assert fault.value.code == "system.checkpoint_damaged"
    assert "step 4" in fault.value.message and "optimizer.safetensors" in fault.value.message
    again = go(make_run(tmp_path / "third", previous=(tmp_path / "first", tmp_path / "second")), spec)
    assert again.resumed_from_step == 2


def test_reports_damaged_shards_instead_of_starting_again(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damaged shards also fail their signature; the run must use the checkpoint before, not start again."""
    spec = make_spec(max_steps=4, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    go(make_run(tmp_path / "first"), spec)

    def refuse_signature(backend: SingleProcess, folder: Path) -> bool:
        flip_last_bit(folder / "optimizer.safetensors")
        return False

    monkeypatch.setattr(SingleProcess, "load", refuse_signature)
    with pytest.raises(EngineFault) as fault:
        go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), spec)
    assert fault.value.code == "system.checkpoint_damaged"


def test_does_not_resume_checkpoint_of_other_settings_or_data(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=2)
    go(make_run(tmp_path / "first"), spec)
    other = go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), make_spec(max_steps=2, seed=7))
    assert other.resumed_from_step is None
    write_dataset(spec.record_files[0].parent, mixed_records(texts=5))
    changed = go(make_run(tmp_path / "third", previous=(tmp_path / "first",)), spec)
    assert changed.resumed_from_step is None


def test_refuses_data_changed_on_disk(make_spec: MakeSpec, tmp_path: Path) -> None:
    """Otherwise a resumed run would pass over all checkpoints and start again on other data."""
    known = make_spec(spec={"known_record_files": (tmp_path / "none" / "records.jsonl",)})
    with pytest.raises(EngineFault) as fault:
        go(make_run(tmp_path / "run"), known)
    assert (fault.value.code, fault.value.param) == ("system.artifact_damaged", "known_record_files")
    spec = make_spec(max_steps=2)
    records = spec.record_files[0]
    records.write_bytes(records.read_bytes().replace("期限は1日".encode(), "期限は9日".encode()))
    with pytest.raises(EngineFault) as fault:
        go(make_run(tmp_path / "run"), spec)
    assert (fault.value.code, fault.value.param) == ("system.artifact_damaged", "record_files")
    assert "records.jsonl" in fault.value.message and "Build a new version" in fault.value.message


def test_keeps_only_newest_checkpoints(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=5, spec={"checkpoint": Checkpointing(every_steps=1, keep=2)})
    go(make_run(tmp_path / "run"), spec)
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == ["4", "5"]


def test_refuses_wrong_input(make_spec: MakeSpec, llama: Path, tmp_path: Path) -> None:
    def refused(spec: TrainingSpec) -> tuple[str, str | None]:
        with pytest.raises(UserError) as error:
            go(make_run(tmp_path / "run"), spec)
        return error.value.code, error.value.param

    empty = write_dataset(tmp_path / "empty", [text_record(1, split="heldout")])
    assert refused(make_spec(spec={"record_files": (empty,)})) == ("user.empty_dataset", "record_files")
    pairs = write_dataset(tmp_path / "pairs", [pair_record(1)])
    only_text = {"record_files": (pairs,), "objectives": ("continued_pretraining",)}
    assert refused(make_spec(spec=only_text))[0] == "user.empty_dataset"
    assert refused(make_spec(spec={"base_model": tmp_path / "no"})) == (
        "user.base_model_missing",
        "base_model",
    )
    unsafe = Path(shutil.copytree(llama, tmp_path / "unsafe"))
    (unsafe / "pytorch_model.bin").write_bytes(b"x")
    assert refused(make_spec(spec={"base_model": unsafe})) == ("user.base_model_unsafe", "base_model")
    assert refused(make_spec(spec={"base_model_digest": "0"}))[0] == "user.base_model_changed"
    assert refused(make_spec(spec={"objectives": ("no_such_objective",)})) == (
        "user.invalid_spec",
        "objectives",
    )
    too_long = make_spec(sequence_length=1024)
    assert refused(too_long) == ("user.context_too_long", "hyperparameters.sequence_length")


def test_non_finite_loss_ends_the_run(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(spec={"base_model": broken_model(tmp_path)})
    with pytest.raises(EngineFault) as fault:
        go(make_run(tmp_path / "run"), spec)
    assert fault.value.code == "system.loss_not_finite"


def broken_model(folder: Path) -> Path:
    """A model whose embeddings overflow."""
    import torch
    from safetensors.torch import load_file, save_file

    from tests.engines.training.tiny import make_model

    path = make_model(folder / "broken")
    weights = load_file(path / "model.safetensors")
    weights["model.embed_tokens.weight"] = torch.full_like(weights["model.embed_tokens.weight"], 1e30)
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    return path


class LoadedFolders:
    """A backend that only records which checkpoints it was asked to load."""

    def __init__(self, *, is_trusted: bool = True) -> None:
        self.is_trusted = is_trusted
        self.folders: list[Path] = []

    def load(self, folder: Path) -> bool:
        self.folders.append(folder)
        return self.is_trusted


def test_every_rank_resumes_the_checkpoint_that_rank_0_chose(make_spec: MakeSpec, tmp_path: Path) -> None:
    """Rank 1 would still find the newest checkpoint intact; rank 0 has just found it damaged."""
    spec = make_spec(max_steps=4, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    go(make_run(tmp_path / "first"), spec)
    checkpoints = tmp_path / "first" / "checkpoints"

    class SecondRank(Processes):
        def broadcast_from_rank0(self, value: Path | None) -> Path | None:
            assert value is None, "only rank 0 chooses"
            return checkpoints / "2"

    run = make_run(tmp_path / "second", previous=(tmp_path / "first",))
    manifest = read_manifest(checkpoints / "4")["facts"]
    identity = RunIdentity(manifest["config_digest"], manifest["data_digest"], manifest["world_size"])
    store = CheckpointStore(run, identity, keep=3)
    backend: Any = LoadedFolders()
    warnings: list[str] = []
    found = store.resume(backend, SecondRank(rank=1), warnings.append)
    assert found is not None
    assert (found.step, found.path, backend.folders) == (2, checkpoints / "2", [checkpoints / "2"])

    untrusted: Any = LoadedFolders(is_trusted=False)
    assert store.resume(untrusted, SecondRank(rank=1), warnings.append) is None
    assert "not signed" in warnings[0]

    (checkpoints / "2" / "manifest.json").write_text("{")
    with pytest.raises(EngineFault) as fault:
        store.resume(backend, SecondRank(rank=1), warnings.append)
    assert fault.value.code == "system.checkpoint_damaged"


class GrantedDuring(Run):
    """A run whose share of the cores changes with each step."""

    def metrics(self, step: int, **values: float) -> None:
        super().metrics(step, **values)
        RunFolder(self.directory).write_threads(1 + step % 2)


def test_a_training_follows_its_share_of_the_cores_within_a_step(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its losses are those of any other share, up to rounding."""
    counts: list[int] = []

    def use(count: int) -> None:
        counts.append(count)
        torch.set_num_threads(count)

    monkeypatch.setattr(threads, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(threads, "use_threads", use)
    go(GrantedDuring(run_config(tmp_path / "run")), make_spec(max_steps=3))
    torch.set_num_threads(1)
    assert counts == [1, 2, 1, 2][: len(counts)] and len(counts) >= 3
    assert list(losses(tmp_path / "run").values()) == pytest.approx(GOLDEN, rel=1e-4)
