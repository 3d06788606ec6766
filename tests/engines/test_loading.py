"""Base models and adapters are loaded the same way in every engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from tests.engines.training.tiny import make_model
from workers.contract.artifacts import manifest_sha256, write_manifest
from workers.engines.shared.language_models import load_adapter, load_base_model, verify_adapter
from workers.engines.shared.runtime import EngineFault, UserError

pytestmark = pytest.mark.ml

ROUNDS = 30


def test_models_of_two_dtypes_loaded_at_once_leave_torch_as_it_was(tmp_path: Path) -> None:
    """As in a model server that has just started. Each load restores the default dtype that it found."""
    folder = make_model(tmp_path / "tiny")
    dtypes = [torch.bfloat16, torch.float32] * ROUNDS
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda dtype: load_base_model(folder, dtype), dtypes))
    assert torch.get_default_dtype() is torch.float32
    for model, dtype in zip(models, dtypes, strict=True):
        assert {weight.dtype for weight in model.parameters()} == {dtype}
        assert not any(weight.is_meta for weight in [*model.parameters(), *model.buffers()])


# -- adapters ---------------------------------------------------------------------------------------
def make_adapter(base: Path, folder: Path, scale: float) -> Path:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(load_base_model(base, torch.float32), config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.constant_(parameter, scale)
    model.save_pretrained(folder)
    write_manifest(folder, "adapter")
    return folder


@torch.inference_mode()
def logits(model: torch.nn.Module) -> torch.Tensor:
    return model(torch.arange(3, 40)[None]).logits


def test_adapters_are_put_on_one_model_under_their_names(tmp_path: Path) -> None:
    base = make_model(tmp_path / "tiny")
    adapters = [make_adapter(base, tmp_path / name, scale) for name, scale in (("a", 0.1), ("b", 0.3))]
    alone = [logits(load_adapter(load_base_model(base, torch.float32), each).eval()) for each in adapters]
    model = load_adapter(load_base_model(base, torch.float32), adapters[0], name="first")
    assert load_adapter(model, adapters[1], name="second") is model
    model.eval()
    assert torch.equal(logits(model), alone[0])
    model.set_adapter("second")
    assert torch.equal(logits(model), alone[1])
    assert not any(weight.requires_grad for name, weight in model.named_parameters() if "first" in name)


def test_an_adapter_that_is_continued_is_trainable(tmp_path: Path) -> None:
    base = make_model(tmp_path / "tiny")
    adapter = make_adapter(base, tmp_path / "a", 0.1)
    model = load_adapter(load_base_model(base, torch.float32), adapter, trainable=True)
    trainable = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trainable and all("lora_" in name for name in trainable)


def test_refuses_an_adapter_that_is_damaged_another_one_or_without_safetensors(tmp_path: Path) -> None:
    adapter = make_adapter(make_model(tmp_path / "tiny"), tmp_path / "a", 0.1)
    assert verify_adapter(adapter, manifest_sha256(adapter))["kind"] == "adapter"
    with pytest.raises(EngineFault) as refused:
        verify_adapter(adapter, "0" * 64)
    assert refused.value.code == "system.artifact_damaged"
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(EngineFault) as refused:
        verify_adapter(adapter, None)
    assert refused.value.code == "system.artifact_damaged"
    write_manifest(adapter, "adapter")
    with pytest.raises(UserError) as unsafe:
        verify_adapter(adapter, None, param="parent_adapter")
    assert (unsafe.value.code, unsafe.value.param) == ("user.adapter_unsafe", "parent_adapter")


def test_refuses_an_adapter_of_another_model(tmp_path: Path) -> None:
    adapter = make_adapter(make_model(tmp_path / "tiny"), tmp_path / "a", 0.1)
    other = load_base_model(make_model(tmp_path / "other"), torch.float32)
    other.model.layers[0].self_attn.q_proj = torch.nn.Linear(16, 16)
    with pytest.raises(UserError) as refused:
        load_adapter(other, adapter)
    assert (refused.value.code, refused.value.param) == ("user.adapter_mismatch", "adapter")
