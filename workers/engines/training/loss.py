"""Cross-entropy over the labelled tokens only, in chunks, without holding all logits at once.

With a vocabulary of 262,144 the logits of one packed sequence are larger than the model. Here the logits,
the loss and the gradient are computed chunk by chunk, and only the gradient with respect to the hidden
states is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable

LOGITS_PER_CHUNK = 2**25
"""Elements of a chunk's logits: 128 MB in float32."""


@dataclass(frozen=True)
class LogitShape:
    """How some architectures change the logits after the output layer."""

    scale: float = 1.0
    softcap: float | None = None

    @classmethod
    def of(cls, config: Any) -> LogitShape:
        """From a transformers config: Cohere multiplies, Granite divides, Gemma 2 caps."""
        multiplied = getattr(config, "logit_scale", None) or 1.0
        divided = getattr(config, "logits_scaling", None) or 1.0
        return cls(scale=multiplied / divided, softcap=getattr(config, "final_logit_softcapping", None))


def chunked_cross_entropy(
    hidden: torch.Tensor,
    head: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    shape: LogitShape,
    logits_per_chunk: int = LOGITS_PER_CHUNK,
) -> torch.Tensor:
    """Sum over tokens of weight × cross-entropy, as a scalar in float32.

    `hidden` (tokens, width), `head` (vocabulary, width), `targets` (tokens,) of int64, `weights`
    (tokens,) of float32. Gradients flow to `hidden`, and to `head` if it asks for one.
    """
    rows = max(1, logits_per_chunk // head.shape[0])
    return _ChunkedCrossEntropy.apply(hidden, head, targets, weights, shape, rows)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        head: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
        shape: LogitShape,
        rows: int,
    ) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        needs_hidden, needs_head = ctx.needs_input_grad[:2]
        grad_hidden = torch.empty_like(hidden) if needs_hidden else None
        grad_head = torch.zeros_like(head, dtype=torch.float32) if needs_head else None
        for start in range(0, hidden.shape[0], rows):
            part = slice(start, start + rows)
            loss, grad_logits = _chunk(hidden[part], head, targets[part], weights[part], shape)
            total += loss
            if grad_hidden is not None:
                torch.mm(grad_logits, head, out=grad_hidden[part])
            if grad_head is not None:
                grad_head += grad_logits.T @ hidden[part]
        ctx.save_for_backward(grad_hidden, grad_head)
        ctx.head_dtype = head.dtype
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        grad_hidden, grad_head = ctx.saved_tensors
        if grad_hidden is not None:
            grad_hidden = grad_hidden * grad.to(grad_hidden.dtype)
        if grad_head is not None:
            grad_head = (grad_head * grad).to(ctx.head_dtype)
        return grad_hidden, grad_head, None, None, None, None


def _chunk(
    hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, shape: LogitShape
) -> tuple[torch.Tensor, torch.Tensor]:
    """The chunk's weighted loss and its gradient by the raw logits, in place where possible."""
    logits = (hidden @ head.T).float()
    if shape.scale != 1.0:
        logits *= shape.scale
    slope = None
    if shape.softcap is not None:
        capped = torch.tanh_(logits.div_(shape.softcap))
        slope = 1 - capped * capped
        logits = capped * shape.softcap
    rows = torch.arange(len(targets), device=targets.device)
    log_sum = torch.logsumexp(logits, dim=-1)
    loss = ((log_sum - logits[rows, targets]) * weights).sum()
    # Softmax minus one-hot, times the token's weight.
    gradient = logits.sub_(log_sum[:, None]).exp_()
    gradient[rows, targets] -= 1
    gradient *= (weights * shape.scale)[:, None]
    if slope is not None:
        gradient *= slope
    return loss, gradient.to(head.dtype)
