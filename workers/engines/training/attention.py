"""Attention over packed documents: each document attends to itself only.

transformers would build one mask over the whole pack, at the cost of its squared length. Here the pack is
split at the borders of its documents and causal attention runs on each one alone. So a packed document gets
exactly the result of a separate run.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel

NAME = "packed_documents"


def use_packed_attention(model: PreTrainedModel) -> None:
    """Make `model` take `lengths` (tokens of each document in the pack, in order) in every call."""
    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, lambda *_, **__: None)
    model.set_attn_implementation(NAME)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    lengths: list[int],
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **unused: Any,
) -> tuple[torch.Tensor, None]:
    """The interface of transformers' attention functions.

    `query` is (1, heads, tokens, width), `key` and `value` are (1, key heads, tokens, width), the result
    is (1, tokens, heads, width). With `sliding_window` w a token sees itself and the w-1 before it.
    """
    if unused.get("softcap") is not None:
        raise ValueError("packed attention does not cap its scores")
    groups = query.shape[1] // key.shape[1]
    pieces = []
    for q, k, v in zip(
        query.split(lengths, dim=2), key.split(lengths, dim=2), value.split(lengths, dim=2), strict=True
    ):
        mask = _window_mask(q.shape[2], sliding_window, q.device)
        pieces.append(
            scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None,
                dropout_p=dropout if module.training else 0.0, scale=scaling, enable_gqa=groups > 1,
            )
        )  # fmt: skip
    return torch.cat(pieces, dim=2).transpose(1, 2), None


def _window_mask(length: int, window: int | None, device: torch.device) -> torch.Tensor | None:
    """True where a token may attend; None where plain causal attention is the same."""
    if window is None or length <= window:
        return None
    position = torch.arange(length, device=device)
    distance = position[:, None] - position[None, :]
    return (distance >= 0) & (distance < window)
