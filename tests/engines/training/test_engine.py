"""Whole runs on a tiny random model: golden losses, checkpoints, resuming, stopping, refusals."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
from workers.contract.specs.run import RunConfig
from workers.contract.specs.training import Checkpointing, TrainingSpec
from workers.engines.shared.runtime import EngineFault, Run, StopRequested, UserError
from workers.engines.training.checkpoints import CheckpointStore, Identity
from workers.engines.training.loop import Loop
from workers.engines.training.single import SingleProcess

pytestmark = pytest.mark.ml

MakeSpec = Callable[..., TrainingSpec]
# Measured once with this code; a change of them means that training computes something else.
GOLDEN = [5.910410, 5.803139, 5.634219]


class StopAfter(Run):
    """A run that is asked to stop while a given step is being taken."""

    def __init__(self, config: RunConfig, *, step: int) -> None:
        super().__init__(config)
        self.stop_step = step

    def metrics(self, step: int, **values: float) -> None:
        super().metrics(step, **values)
        if step == self.stop_step:
            self.request_stop()


def test_losses_are_the_golden_ones(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=3)
    result = go(make_run(tmp_path / "run"), spec)
    assert list(losses(tmp_path / "run").values()) == pytest.approx(GOLDEN, rel=1e-4)
    assert result.steps == 3
    assert result.heldout_loss is not None
    assert result.parameters_trained == result.parameters_total
    assert result.records == {"text": 12, "pair": 4, "too_long": 0}
    manifest = verify_manifest(tmp_path / "run" / "output" / "model", result.manifest_sha256)
    assert manifest["facts"]["base_model_digest"] == result.base_model_digest


def test_events_tell_the_whole_story(make_spec: MakeSpec, tmp_path: Path) -> None:
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
        # Told by its place in the run's folder: what moves or is restored elsewhere must still be right.
        assert event["path"] == f"checkpoints/{event['step']}"
        verify_manifest(tmp_path / "run" / event["path"], event["manifest_sha256"])


def test_training_learns(make_spec: MakeSpec, tmp_path: Path) -> None:
    result = go(make_run(tmp_path / "run"), make_spec(epochs=10, learning_rate=3e-3))
    assert result.loss_last < result.loss_first - 1


def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=6, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    whole = go(make_run(tmp_path / "whole"), spec)

    first = StopAfter(run_config(tmp_path / "first"), step=3)
    with pytest.raises(StopRequested) as stopped:
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


def test_a_run_is_resumed_in_another_place_to_the_bit(make_spec: MakeSpec, tmp_path: Path) -> None:
    """An installation that was restored elsewhere: the same files under other paths."""
    spec = make_spec(spec={"checkpoint": Checkpointing(every_steps=2)}, max_steps=5)
    go(make_run(tmp_path / "whole"), spec)
    with pytest.raises(StopRequested):
        go(StopAfter(run_config(tmp_path / "first"), step=3), spec)
    there = tmp_path / "there"
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


class StopAtLook(Run):
    """A run whose stop is requested when it is looked for the n-th time."""

    def __init__(self, config: RunConfig, *, look: int) -> None:
        super().__init__(config)
        self.looks_left = look

    @property
    def stop_requested(self) -> bool:
        self.looks_left -= 1
        return self.looks_left <= 0


# The first look is before the first step; then each of the two layers looks on the way forward and on
# the way back, for each pack, and once more when the step is over.
@pytest.mark.parametrize("look", [2, 5, 8, 9, 10, 11])
def test_a_step_left_in_its_middle_has_not_happened(make_spec: MakeSpec, tmp_path: Path, look: int) -> None:
    settings = {"max_steps": 4, "epochs": 4, "lora_dropout": 0.3, "lora_rank": 4}
    spec = make_spec(**settings, spec={"method": "lora"})
    go(make_run(tmp_path / "whole"), spec)

    with pytest.raises(StopRequested) as stopped:
        go(StopAtLook(run_config(tmp_path / "first"), look=look), spec)
    assert stopped.value.step < 4
    resumed = go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), spec)

    assert resumed.resumed_from_step == (stopped.value.step or None)
    assert {**losses(tmp_path / "first"), **losses(tmp_path / "second")} == losses(tmp_path / "whole")


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=6, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    with pytest.raises(StopRequested):
        go(StopAfter(run_config(tmp_path / "first"), step=5), spec)
    checkpoints = tmp_path / "first" / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["2", "4", "5"]
    (checkpoints / "5" / "optimizer.safetensors").write_bytes(b"torn")
    shutil.copytree(checkpoints / "4", checkpoints / "6.tmp")
    resumed = go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), spec)
    assert resumed.resumed_from_step == 4
    assert "damaged" in events(tmp_path / "second", "log")[0]["message"]


def flip_last_bit(path: Path) -> None:
    """Still readable, with one number that is another."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"torn"), flip_last_bit])
def test_damage_between_the_look_and_the_load_is_told_and_passed_over(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], Any]
) -> None:
    spec = make_spec(max_steps=4, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    go(make_run(tmp_path / "first"), spec)
    load = SingleProcess.load

    def damaged_just_before(backend: SingleProcess, folder: Path) -> None:
        damage(folder / "optimizer.safetensors")
        load(backend, folder)

    with monkeypatch.context() as patch, pytest.raises(EngineFault) as fault:
        patch.setattr(SingleProcess, "load", damaged_just_before)
        go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), spec)
    assert fault.value.code == "system.checkpoint_damaged"
    assert "step 4" in fault.value.message and "optimizer.safetensors" in fault.value.message
    again = go(make_run(tmp_path / "third", previous=(tmp_path / "first", tmp_path / "second")), spec)
    assert again.resumed_from_step == 2


def test_shards_damaged_after_the_look_are_not_taken_for_a_strangers(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the run would begin from nothing where the checkpoint before is sound."""
    spec = make_spec(max_steps=4, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    go(make_run(tmp_path / "first"), spec)

    def signed_by_nobody(backend: SingleProcess, folder: Path) -> bool:
        flip_last_bit(folder / "optimizer.safetensors")
        return False

    monkeypatch.setattr(SingleProcess, "trusts", signed_by_nobody)
    with pytest.raises(EngineFault) as fault:
        go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), spec)
    assert fault.value.code == "system.checkpoint_damaged"


def test_a_checkpoint_of_other_settings_or_data_is_not_resumed(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=2)
    go(make_run(tmp_path / "first"), spec)
    other = go(make_run(tmp_path / "second", previous=(tmp_path / "first",)), make_spec(max_steps=2, seed=7))
    assert other.resumed_from_step is None
    write_dataset(spec.record_files[0].parent, mixed_records(texts=5))
    changed = go(make_run(tmp_path / "third", previous=(tmp_path / "first",)), spec)
    assert changed.resumed_from_step is None


def test_data_that_changed_on_the_disk_are_not_learnt_from(make_spec: MakeSpec, tmp_path: Path) -> None:
    """Else a resumed run would find other data, pass every checkpoint over and begin from nothing."""
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


def test_only_the_newest_checkpoints_are_kept(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(max_steps=5, spec={"checkpoint": Checkpointing(every_steps=1, keep=2)})
    go(make_run(tmp_path / "run"), spec)
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == ["4", "5"]


def test_refusals_of_the_users_input(make_spec: MakeSpec, llama: Path, tmp_path: Path) -> None:
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
    too_long = make_spec(sequence_length=1024)
    assert refused(too_long) == ("user.context_too_long", "hyperparameters.sequence_length")


def test_a_loss_that_is_not_a_number_ends_the_run(make_spec: MakeSpec, tmp_path: Path) -> None:
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


def test_every_process_resumes_what_the_first_one_chose(make_spec: MakeSpec, tmp_path: Path) -> None:
    """Rank 1 would still find the newest checkpoint sound; rank 0 has just seen it damaged."""
    spec = make_spec(max_steps=4, epochs=4, spec={"checkpoint": Checkpointing(every_steps=2)})
    go(make_run(tmp_path / "first"), spec)
    checkpoints = tmp_path / "first" / "checkpoints"

    class SecondRank(SingleProcess):
        rank = 1

        def told_by_first(self, value: Path | None) -> Path | None:
            assert value is None, "only the first looks for itself"
            return checkpoints / "2"

    run = make_run(tmp_path / "second", previous=(tmp_path / "first",))
    manifest = read_manifest(checkpoints / "4")["facts"]
    identity = Identity(manifest["config_digest"], manifest["data_digest"], manifest["world_size"])
    backend = SecondRank.__new__(SecondRank)
    loop = Loop(run, spec, backend, [], [], CheckpointStore(run, identity, keep=3))
    found = loop._agreed()
    assert found is not None
    assert (found.step, found.path) == (2, checkpoints / "2")
    (checkpoints / "2" / "manifest.json").write_text("{")
    with pytest.raises(EngineFault) as fault:
        loop._agreed()
    assert fault.value.code == "system.checkpoint_damaged"
