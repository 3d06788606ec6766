"""How many bits a causal language model needs to write a text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy

from workers.engines.shared.language_models import encode_document

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROWS = 64
"""Positions whose probabilities are computed at a time: a large vocabulary is not held twice."""


def token_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The text's tokens after one start token, so that every character is predicted from something.

    That is bos where the model knows one, else eos, which ends the document before.
    """
    ids = encode_document(tokenizer, text)
    if ids[:1] == [tokenizer.bos_token_id]:
        return ids
    start = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.bos_token_id
    return ids if start is None else [start, *ids]


def windows(length: int, size: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, first) for a text of `length` tokens: read start:end, count from `first` on.

    Every token but the start token is counted once. In a text longer than `size`, windows overlap by
    half, so that each counted token has at least size / 2 tokens before it.
    """
    counted = 1
    start = 0
    while counted < length:
        end = min(start + size, length)
        yield start, end, counted
        counted = end
        start = end - size // 2


def text_bits(model: Any, ids: Sequence[int], window_tokens: int) -> float:
    """-log2 of the probability of `ids` given its first token."""
    tokens = torch.tensor([ids], device=model.device)
    nats = 0.0
    for start, end, first in windows(len(ids), window_tokens):
        # The logits at position i predict token i + 1; only those that are counted are computed.
        logits = model(
            input_ids=tokens[:, start:end], use_cache=False, logits_to_keep=end - first + 1
        ).logits[0]
        targets = tokens[0, first:end]
        for row in range(0, len(targets), ROWS):
            part = logits[row : min(row + ROWS, len(targets))].float()
            nats += cross_entropy(part, targets[row : row + ROWS], reduction="sum").item()
    return nats / math.log(2)
