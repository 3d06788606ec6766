"""Exported folders can be used alone: the merged weights compute what base and adapter compute."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.training.tiny import make_model, make_run
from workers.contract.artifacts import manifest_sha256, verify_manifest, write_manifest
from workers.contract.model_folder import inspect_model_folder
from workers.contract.specs.export import ExportFacts, ExportSpec
from workers.engines.shared.runtime import EngineFault, UserError

pytestmark = pytest.mark.ml


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_model(tmp_path_factory.mktemp("base"))
    (folder / "NOTICE").write_text("The base model's terms.")
    return folder


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model

    from workers.engines.shared.language_models import load_base_model

    folder = tmp_path / "adapter"
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(load_base_model(base, torch.float32), config)
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    write_manifest(folder, "adapter")
    return folder


def run_export(folder: Path, **fields):
    from workers.engines.export.engine import export

    return export(make_run(folder), ExportSpec(**fields)), folder / "output" / "model"


def logits(model):
    import torch

    with torch.inference_mode():
        return model(torch.arange(3, 60)[None]).logits


def test_merged_weights_give_the_adapters_logits(base, adapter, tmp_path):
    import torch
    from peft import PeftModel

    from workers.engines.shared.language_models import load_base_model, load_tokenizer

    result, folder = run_export(tmp_path / "run", base_model=base, adapter=adapter)
    plain = load_base_model(base, torch.float32)
    before = logits(plain)
    expected = logits(PeftModel.from_pretrained(plain, adapter).eval())
    ours = logits(load_base_model(folder, torch.float32))
    assert torch.allclose(ours, expected, atol=1e-4)
    assert not torch.allclose(ours, before, atol=1e-1)
    assert load_tokenizer(folder)("期限").input_ids == load_tokenizer(base)("期限").input_ids
    assert inspect_model_folder(folder).architecture == "LlamaForCausalLM"
    assert result.files.keys() >= {"model.safetensors", "README.md", "NOTICE", "manifest.json"}
    assert result.bytes == sum(result.files.values())


def test_card_and_manifest_name_the_origin_of_the_model(base, adapter, tmp_path):
    facts = ExportFacts(
        model_name="ft:tiny:acme:rules:7", base_model_licence="Gemma Terms of Use",
        dataset_version_digest="d" * 64, evaluation={"bits per character": 1.5},
    )  # fmt: skip
    result, folder = run_export(tmp_path / "run", base_model=base, adapter=adapter, facts=facts)
    manifest = verify_manifest(folder, result.manifest_sha256)
    assert manifest["facts"]["dataset_version_digest"] == "d" * 64
    card = (folder / "README.md").read_text()
    for fact in ("ft:tiny:acme:rules:7", "Gemma Terms of Use", "d" * 64, "bits per character"):
        assert fact in card
    assert str(tmp_path) not in card


def test_the_adapter_alone_keeps_its_files(base, adapter, tmp_path):
    result, folder = run_export(tmp_path / "run", base_model=base, adapter=adapter, format="adapter")
    original = (adapter / "adapter_model.safetensors").read_bytes()
    assert (folder / "adapter_model.safetensors").read_bytes() == original
    assert "model.safetensors" not in result.files
    verify_manifest(folder, result.manifest_sha256)


def test_the_precision_can_be_chosen(base, tmp_path):
    import json

    kept, _ = run_export(tmp_path / "kept", base_model=base)
    half, folder = run_export(tmp_path / "half", base_model=base, dtype="bfloat16")
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    assert half.files["model.safetensors"] < 0.6 * kept.files["model.safetensors"]


def test_another_adapter_than_the_named_one_is_refused(base, adapter, tmp_path):
    with pytest.raises(EngineFault) as caught:
        run_export(tmp_path / "run", base_model=base, adapter=adapter, adapter_manifest_sha256="0" * 64)
    assert caught.value.code == "system.artifact_damaged"


def test_an_adapter_of_another_model_is_refused(adapter, tmp_path):
    import transformers

    other = make_model(tmp_path / "other")
    config = transformers.AutoConfig.from_pretrained(other)
    config.hidden_size = 64
    transformers.LlamaForCausalLM(config).save_pretrained(other)
    with pytest.raises(UserError) as caught:
        run_export(
            tmp_path / "run", base_model=other, adapter=adapter,
            adapter_manifest_sha256=manifest_sha256(adapter),
        )  # fmt: skip
    assert caught.value.code == "user.adapter_mismatch"


def test_the_adapter_format_needs_an_adapter(base):
    with pytest.raises(ValueError, match="needs an adapter"):
        ExportSpec(base_model=base, format="adapter")
