"""One function chooses the number format in which models compute."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.engines.training.tiny import make_model
from workers.contract.artifacts import write_manifest
from workers.engines.shared import precision
from workers.engines.shared.precision import Machine, choose_dtype, served_precision

pytestmark = pytest.mark.ml

ENGINES = Path(precision.__file__).parents[1]

AVX2 = Machine.with_processor({"avx2": True, "avx512_bf16": False, "amx_bf16": False})
AVX512 = Machine.with_processor({"avx2": True, "avx512_f": True, "avx_ne_convert": True})
AVX512_BF16 = Machine.with_processor({"avx2": True, "avx512_f": True, "avx512_bf16": True})
AMX = Machine.with_processor({"avx512_f": True, "amx_tile": True, "amx_bf16": True})
NEON = Machine.with_processor({"neon": True, "bf16": False, "sve_max_length": 256})
ARM_BF16 = Machine.with_processor({"neon": True, "bf16": True})
OLD_GPU, GPU = Machine("cuda", False), Machine("cuda", True)


@pytest.mark.parametrize(
    ("machine", "answers", "likelihoods"),
    [
        (AVX2, "float32", "float32"),
        (AVX512, "float32", "float32"),
        (AVX512_BF16, "bfloat16", "float32"),
        (AMX, "bfloat16", "float32"),
        (NEON, "float32", "float32"),
        (ARM_BF16, "bfloat16", "float32"),
        (OLD_GPU, "float32", "float32"),
        (GPU, "bfloat16", "bfloat16"),
    ],
)
def test_the_machine_decides(machine, answers, likelihoods):
    import torch

    assert choose_dtype("answers", machine) is getattr(torch, answers)
    assert choose_dtype("likelihoods", machine) is getattr(torch, likelihoods)
    for purpose in ("embeddings", "merging"):
        assert choose_dtype(purpose, machine) is torch.float32


@pytest.mark.parametrize("machine", [AVX2, AMX, GPU])
@pytest.mark.parametrize("choice", ["float32", "bfloat16"])
def test_the_operator_decides_for_answers_alone(machine, choice):
    import torch

    assert choose_dtype("answers", machine, choice) is getattr(torch, choice)
    assert choose_dtype("embeddings", machine, choice) is torch.float32
    assert choose_dtype("likelihoods", machine, choice) is choose_dtype("likelihoods", machine)


def test_the_setting_is_read_in_one_place():
    assert served_precision({}) == served_precision({"KOSHA_SERVE_DTYPE": ""}) == "auto"
    assert served_precision({"KOSHA_SERVE_DTYPE": "bfloat16"}) == "bfloat16"
    with pytest.raises(ValueError, match="KOSHA_SERVE_DTYPE must be one of auto, float32, bfloat16"):
        served_precision({"KOSHA_SERVE_DTYPE": "float16"})


def test_no_other_engine_names_a_precision():
    """Training has a setting of its own; conversion and export write a format that the user names."""
    own = {"training", "conversion"}
    naming = [
        path.relative_to(ENGINES).as_posix()
        for path in ENGINES.rglob("*.py")
        if path.relative_to(ENGINES).parts[0] not in own and path.name != "precision.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("bfloat16", "float16")
    ]
    assert naming == []


@pytest.mark.parametrize("choice", ["float32", "bfloat16"])
def test_an_evaluation_generates_with_the_weights_that_are_served(tmp_path, choice):
    """The adapter's weights too: peft keeps them in float32."""
    import torch
    from peft import LoraConfig, get_peft_model

    from workers.contract.specs.evaluation import Candidate
    from workers.engines.evaluation.candidates import load_candidates
    from workers.engines.serving.backends.adapters import adapter_folder
    from workers.engines.serving.backends.torch.model import TorchTextModel
    from workers.engines.serving.settings import ServingSettings
    from workers.engines.shared.language_models import convert_weights, load_base_model

    base, folder = make_model(tmp_path / "base"), tmp_path / "adapter"
    config = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    get_peft_model(load_base_model(base, torch.float32), config).save_pretrained(folder)
    write_manifest(folder, "adapter")
    served = TorchTextModel(base, ServingSettings("t", (), dtype=choice))
    served.attach(adapter_folder(folder, None))
    (candidate,) = load_candidates(
        [Candidate(name="tuned", model=base, adapter=folder)], torch.float32, "cpu"
    )
    convert_weights(candidate.weights, choose_dtype("answers", Machine.here(), choice))

    def dtypes(model):
        names = (
            (name.split(".lora_")[0], ".lora_" in name, each.dtype) for name, each in model.named_parameters()
        )
        return set(names)

    assert dtypes(candidate.weights) == dtypes(served.model)
