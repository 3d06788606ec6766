"""Conversion: packed formats are read correctly, and a model folder is made whole or not at all."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workers.contract.artifacts import verify_manifest
from workers.engines.conversion import folder as conversion_folder
from workers.engines.conversion.catalogue import CATALOGUE
from workers.engines.conversion.e5 import BLOCK_TYPE, bert_name, dequantise, nmt_nfkc_rules, unigram_tokenizer
from workers.engines.conversion.folder import Conversion, PackageMissing, SourceDamaged, convert

# A file that every installation has, in place of a model's weights.
SOURCE = Path(conversion_folder.__file__)
SOURCES = (("workers.engines.conversion", "folder.py"),)


def copy_source(sources, target: Path) -> None:
    (target / "weights").write_bytes(sources[0].read_bytes())


CONVERSION = Conversion(
    name="copy",
    sources=SOURCES,
    source_sha256=hashlib.sha256(SOURCE.read_bytes()).hexdigest(),
    licence="MIT",
    notice="terms",
    write=copy_source,
)


def test_converts_again_only_what_is_damaged_or_of_another_version(tmp_path):
    target = tmp_path / "models" / "copy"
    assert convert(CONVERSION, target)
    assert not convert(CONVERSION, target)
    assert verify_manifest(target)["facts"]["licence"] == "MIT"
    (target / "weights").write_bytes(b"damaged")
    assert convert(CONVERSION, target)
    assert (target / "weights").read_bytes() == SOURCE.read_bytes()
    assert convert(replace(CONVERSION, version=2), target)


def test_an_interrupted_conversion_leaves_nothing(tmp_path):
    def fail(sources, target: Path) -> None:
        (target / "weights").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(replace(CONVERSION, write=fail), tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_other_weights_than_expected_are_refused(tmp_path):
    with pytest.raises(SourceDamaged, match="reinstall"):
        convert(replace(CONVERSION, source_sha256="0" * 64), tmp_path / "copy")


def test_a_missing_package_says_how_to_install_it(tmp_path):
    with pytest.raises(PackageMissing, match=r"requirements/models\.txt"):
        convert(replace(CONVERSION, sources=(("no_such_package", "x"),)), tmp_path / "copy")


def test_four_bit_blocks_hold_the_first_half_in_the_low_nibbles():
    block = struct.pack("<e16B", 0.5, *[(15 << 4) | number for number in range(16)])
    weights = dequantise(np.frombuffer(block, BLOCK_TYPE))
    assert weights.tolist() == [(n - 8) * 0.5 for n in range(16)] + [3.5] * 16


def test_tensor_names_are_translated():
    assert bert_name("emb.ln.w") == "embeddings.LayerNorm.weight"
    assert bert_name("l11.fi.b") == "encoder.layer.11.intermediate.dense.bias"


def test_the_tokenizer_unifies_widths_and_spaces():
    pieces = [
        ("<s>", 0.0),
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("▁", -1.0),
        ("が", -2.0),
        ("A1", -2.0),
    ]
    tokenizer = unigram_tokenizer(pieces)
    assert len(nmt_nfkc_rules()) > 100_000
    assert tokenizer.encode("が").tokens == ["<s>", "▁", "が", "</s>"]
    assert tokenizer.encode("が  が").tokens == tokenizer.encode("が\u3000が").tokens
    assert "A1" in tokenizer.encode("Ａ１").tokens


def test_every_demo_model_states_its_terms():
    assert set(CATALOGUE) == {"gemma3-270m", "smollm2-135m", "e5-small"}
    for conversion in CATALOGUE.values():
        assert conversion.licence
        assert "Modified" in conversion.notice


@pytest.mark.ml
def test_smollm2_converts_and_answers(tmp_path):
    import torch

    from workers.engines.shared.language_models import chat_prompt, encode, load_base_model, load_tokenizer

    target = tmp_path / "smollm2-135m"
    try:
        convert(CATALOGUE["smollm2-135m"], target)
    except PackageMissing as error:
        pytest.skip(str(error))
    tokenizer, model = load_tokenizer(target), load_base_model(target, torch.float32)
    text = "第12条(年次有給休暇) 2,500円 👍"
    assert tokenizer.decode(encode(tokenizer, text)) == text
    prompt = chat_prompt(tokenizer, [{"role": "user", "content": "What is the capital of France?"}])
    ids = torch.tensor([encode(tokenizer, prompt)])
    answer = tokenizer.decode(model.generate(ids, max_new_tokens=16)[0, ids.shape[1] :])
    assert "Paris" in answer
    assert answer.endswith("<|im_end|>")
