"""LoRA runs through the real entry point: the adapter loads elsewhere, continues, and is refused elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.training.tiny import events, go, losses, make_model, make_run, run_config
from workers.contract.artifacts import verify_manifest
from workers.contract.specs.run import ExitCode, RunResult
from workers.contract.specs.training import Checkpointing, TrainingResult, TrainingSpec
from workers.engines.shared.runtime import EngineError

pytestmark = pytest.mark.ml
MakeSpec = Callable[..., TrainingSpec]


def run(folder: Path, spec: TrainingSpec, *, previous: tuple[Path, ...] = ()) -> TrainingResult:
    return go(make_run(folder, previous=previous), spec)


def lora(make_spec: MakeSpec, spec: dict[str, Any] | None = None, **hyperparameters: Any) -> TrainingSpec:
    settings = {"max_steps": 4, "lora_rank": 4, "learning_rate": 1e-2, **hyperparameters}
    return make_spec(spec={"method": "lora", **(spec or {})}, **settings)


def logits(base: Path, adapter: Path | None = None) -> Any:
    import torch
    from peft import PeftModel

    from workers.engines.shared.language_models import load_base_model

    model: Any = load_base_model(base, torch.float32)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter).eval()
    with torch.no_grad():
        return model(torch.arange(1, 20)[None]).logits


def test_adapter_changes_the_model_and_can_be_continued(
    make_spec: MakeSpec, llama: Path, tmp_path: Path
) -> None:
    result = run(tmp_path / "first", lora(make_spec))
    adapter = tmp_path / "first" / "output" / "adapter"
    assert result.adapter_dir == "adapter"
    assert result.parameters_trained < result.parameters_total / 2
    facts = verify_manifest(adapter, result.manifest_sha256)["facts"]
    assert facts["base_model_digest"] == result.base_model_digest
    assert {path.suffix for path in adapter.iterdir()} == {".json", ".safetensors"}
    assert str(tmp_path) not in (adapter / "adapter_config.json").read_text()
    assert (logits(llama) - logits(llama, adapter)).abs().max() > 1e-3

    parent = {"parent_adapter": adapter, "parent_manifest_sha256": result.manifest_sha256}
    second = run(tmp_path / "second", lora(make_spec, parent))
    assert second.loss_first < result.loss_first

    other = make_model(tmp_path / "other", "gemma3")
    damaged = Path(shutil.copytree(adapter, tmp_path / "damaged"))
    (damaged / "adapter_model.safetensors").write_bytes(b"x")
    for unfit, code in (
        ({**parent, "base_model": other}, "user.adapter_mismatch"),
        ({"parent_adapter": damaged}, "system.artifact_damaged"),
    ):
        with pytest.raises(EngineError) as refused:
            run(tmp_path / "third", lora(make_spec, unfit))
        assert (refused.value.code, refused.value.param) == (code, "parent_adapter")


def test_sigterm_saves_a_checkpoint_that_resumes_to_the_bit(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = lora(
        make_spec,
        {"checkpoint": Checkpointing(every_steps=1000)},
        max_steps=100, epochs=100, lora_dropout=0.1, learning_rate=1e-3,
    )  # fmt: skip
    config = tmp_path / "config.json"
    config.write_text(run_config(tmp_path / "first", spec=spec).model_dump_json())
    command = [sys.executable, "-m", "workers.engines.training", str(config)]
    with subprocess.Popen(command, env={**os.environ, "HF_HUB_OFFLINE": "1"}) as process:
        wait_for_metrics(tmp_path / "first", process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == ExitCode.STOPPED
    stopped_at = events(tmp_path / "first", "stopped")[0]["step"]
    assert 0 < stopped_at < 100
    resumed = run(tmp_path / "second", spec, previous=(tmp_path / "first",))
    assert resumed.resumed_from_step == stopped_at
    whole = run(tmp_path / "whole", spec)
    assert resumed.loss_last == whole.loss_last
    assert resumed.heldout_loss == whole.heldout_loss
    assert losses(tmp_path / "second")[100] == losses(tmp_path / "whole")[100]


def wait_for_metrics(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the first step is on the curve; the engine's own end would be a failure."""
    while not (folder / "events.jsonl").exists() or not events(folder, "metrics"):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)


def test_invalid_setting_names_its_field(make_spec: MakeSpec, tmp_path: Path) -> None:
    config = json.loads(run_config(tmp_path / "run", spec=lora(make_spec)).model_dump_json())
    config["spec"]["hyperparameters"]["learning_rate"] = 7
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "workers.engines.training", str(tmp_path / "config.json")]
    assert subprocess.run(command, check=False).returncode == ExitCode.USER_ERROR
    result = RunResult.model_validate_json((tmp_path / "run" / "result.json").read_bytes())
    assert result.error is not None
    assert result.error.code == "training.user.invalid_spec"
    assert result.error.param == "hyperparameters.learning_rate"
