"""A pack of documents gives the logits and gradients that each document gives alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engines.training.tiny import collate_text
from workers.engines.shared.language_models import load_base_model
from workers.engines.training.model import PackedLanguageModel
from workers.engines.training.samples import Sample

pytestmark = pytest.mark.ml

LENGTHS = [5, 40, 1, 23, 17]  # the tiny Gemma's window is 16: below, at its edge and above


def make_samples(lengths: list[int], vocabulary: int) -> list[Sample]:
    draw = np.random.default_rng(0)
    samples = []
    for length in lengths:
        weights = np.ones(length, dtype=np.float32)
        weights[0] = 0
        samples.append(Sample(draw.integers(3, vocabulary, length), weights))
    return samples


def separate_logits(folder: Path, samples: list[Sample]) -> torch.Tensor:
    """transformers' own path, one document at a time."""
    model = load_base_model(folder, torch.float32)
    with torch.no_grad():
        return torch.cat([model(torch.from_numpy(sample.ids)[None]).logits[0] for sample in samples])


def packed_logits(folder: Path, samples: list[Sample]) -> torch.Tensor:
    packed = PackedLanguageModel(load_base_model(folder, torch.float32))
    batch = collate_text(samples)
    with torch.no_grad():
        hidden = packed.hidden(batch.input_ids, batch.position_ids, lengths=batch.lengths)
        return packed.head()(hidden[0])


@pytest.mark.parametrize("model", ["llama", "gemma"])
def test_packed_logits_equal_separate_runs(model: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(model)
    samples = make_samples(LENGTHS, 256)
    expected = separate_logits(folder, samples)
    torch.testing.assert_close(packed_logits(folder, samples), expected, rtol=1e-4, atol=1e-4)
    # Without the borders between documents the logits differ, so the comparison above can fail.
    joined = Sample(np.concatenate([s.ids for s in samples]), np.ones(sum(LENGTHS), dtype=np.float32))
    assert (packed_logits(folder, [joined]) - expected).abs().max() > 0.05


@pytest.mark.parametrize("model", ["llama", "gemma"])
def test_packed_loss_and_gradients_equal_separate_runs(model: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(model)
    samples = make_samples(LENGTHS, 256)
    reference = load_base_model(folder, torch.float32)
    expected = torch.zeros(())
    for sample in samples:
        ids = torch.from_numpy(sample.ids)[None]
        logits = reference(ids).logits[0, :-1]
        expected = expected + torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")
    expected.backward()
    packed = PackedLanguageModel(load_base_model(folder, torch.float32))
    loss = packed(collate_text(samples))
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    theirs = dict(reference.named_parameters())
    for name, parameter in packed.model.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs[name].grad, rtol=1e-3, atol=1e-3, msg=name)


@pytest.mark.parametrize("name", ["smollm2-135m", "gemma3-270m"])
def test_packing_is_exact_for_demo_models(name: str, repository: Path) -> None:
    folder = repository / "var" / "models" / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not converted yet: make demo does it")
    samples = make_samples([30, 7, 64], 40_000)
    expected = separate_logits(folder, samples)
    torch.testing.assert_close(packed_logits(folder, samples), expected, rtol=1e-4, atol=5e-4)
