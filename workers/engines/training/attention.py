"""Attention over packed documents: each document attends to itself alone, at its own cost.

transformers would build one mask over the whole pack and pay for its square; here the pack is cut at
the documents' borders and each piece runs causal attention by itself, which is also what makes
packing equal to separate runs exactly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel

NAME = "packed_documents"


def use_packed_attention(model: PreTrainedModel) -> None:
    """Let `model` expect `lengths` (tokens of each document in the pack, in order) in every call."""
    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, _no_mask)
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

    `query` is (1, heads, tokens, width), `key` and `value` (1, key heads, tokens, width); the answer
    is (1, tokens, heads, width). `sliding_window` w lets a token see itself and the w-1 before it.
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
    """True where a token may look; None where plain causality says the same."""
    if window is None or length <= window:
        return None
    position = torch.arange(length, device=device)
    distance = position[:, None] - position[None, :]
    return (distance >= 0) & (distance < window)


def _no_mask(*_: Any, **__: Any) -> None:
    return None
