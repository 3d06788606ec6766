"""Base model folders: what is read from them, and what makes them refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.contract.model_folder import UnsafeModelFolder, check_model_folder, inspect_model_folder

pytestmark = pytest.mark.ml


@pytest.fixture
def folder(llama: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(llama, tmp_path / "model"))


def test_facts_are_read_from_the_files(folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    facts = inspect_model_folder(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert facts.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert facts.architecture == "LlamaForCausalLM"
    assert (facts.context_length, facts.vocabulary_size, facts.hidden_size, facts.layers) == (512, 264, 32, 2)
    assert not facts.has_chat_template
    (folder / "chat_template.jinja").write_text("x")
    assert inspect_model_folder(folder).has_chat_template


def test_digest_depends_on_content_only(folder: Path, tmp_path: Path) -> None:
    digest = inspect_model_folder(folder).folder_digest
    elsewhere = Path(shutil.copytree(folder, tmp_path / "elsewhere"))
    (elsewhere / "manifest.json").write_text("{}")
    assert inspect_model_folder(elsewhere).folder_digest == digest
    weights = bytearray((elsewhere / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (elsewhere / "model.safetensors").write_bytes(weights)
    assert inspect_model_folder(elsewhere).folder_digest != digest


def edit_config(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda f: (f / "pytorch_model.bin").write_bytes(b"x"), "base_model_unsafe"),
        (lambda f: (f / "extra.pkl").write_bytes(b"x"), "base_model_unsafe"),
        (lambda f: (f / "modeling_new.py").write_text("x"), "base_model_unsafe"),
        (lambda f: edit_config(f, auto_map={"AutoModel": "x.Y"}), "base_model_unsafe"),
        (lambda f: (f / "config.json").unlink(), "base_model_missing"),
        (lambda f: (f / "model.safetensors").unlink(), "base_model_missing"),
        (lambda f: shutil.rmtree(f), "base_model_missing"),
        (cut, "base_model_damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64), "base_model_damaged"),
        (lambda f: (f / "config.json").write_text("["), "base_model_damaged"),
        (
            lambda f: (f / "model.safetensors.index.json").write_text(
                '{"weight_map": {"a": "b.safetensors"}}'
            ),
            "base_model_damaged",
        ),
    ],
)
def test_refuses_unsafe_missing_or_damaged_folders(
    folder: Path, change: Callable[[Path], object], code: str
) -> None:
    check_model_folder(folder)
    change(folder)
    with pytest.raises(UnsafeModelFolder) as refused:
        check_model_folder(folder)
    assert refused.value.code == code


def test_accepts_only_causal_language_models(folder: Path) -> None:
    edit_config(folder, architectures=["BertModel"])
    with pytest.raises(UnsafeModelFolder) as refused:
        inspect_model_folder(folder)
    assert refused.value.code == "base_model_unsupported"
