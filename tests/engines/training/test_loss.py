"""Chunked cross-entropy compared with PyTorch's own."""

from __future__ import annotations

import pytest
import torch

from workers.engines.training.loss import LogitShape, chunked_cross_entropy

pytestmark = pytest.mark.ml


@pytest.mark.parametrize("shape", [LogitShape(), LogitShape(scale=0.25), LogitShape(scale=2.0, softcap=3.0)])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_loss_and_gradients_equal_pytorch(shape: LogitShape, rows: int) -> None:
    torch.manual_seed(0)
    hidden = torch.randn(11, 8, dtype=torch.float64, requires_grad=True)
    head = torch.randn(50, 8, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(50, (11,))
    weights = torch.rand(11, dtype=torch.float64)
    logits = hidden @ head.T * shape.scale
    if shape.softcap:
        logits = torch.tanh(logits / shape.softcap) * shape.softcap
    expected = (torch.nn.functional.cross_entropy(logits, targets, reduction="none") * weights).sum()
    expected.backward()
    expected_gradients = hidden.grad, head.grad

    hidden.grad = head.grad = None
    loss = chunked_cross_entropy(hidden, head, targets, weights, shape, logits_per_chunk=rows * 50)
    (loss * 1).backward()

    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(hidden.grad, expected_gradients[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(head.grad, expected_gradients[1], rtol=1e-4, atol=1e-5)


def test_frozen_head_gets_no_gradient() -> None:
    hidden = torch.randn(3, 4, requires_grad=True)
    head = torch.randn(5, 4)
    chunked_cross_entropy(hidden, head, torch.tensor([0, 1, 2]), torch.ones(3), LogitShape()).backward()
    assert hidden.grad is not None
    assert head.grad is None


def test_never_holds_logits_of_all_tokens() -> None:
    """Peak of what autograd keeps: the gradient of the hidden states, not tokens × vocabulary."""
    kept: list[int] = []
    hidden = torch.randn(64, 4, requires_grad=True)
    head = torch.randn(1000, 4)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        chunked_cross_entropy(
            hidden, head, torch.zeros(64, dtype=torch.long), torch.ones(64), LogitShape(), 4000
        )
    assert max(kept) == hidden.numel()
