"""The answers of one base model that are being written, one token each per step.

An answer joins between two steps. Its prompt is read alone and therefore without padding; then its keys
and values are added to those of the others, aligned at the right. An answer also leaves between two steps,
and the padding that only it needed is removed with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import DynamicCache

from workers.engines.serving.backends.protocol import AnswerRequest
from workers.engines.serving.backends.torch.model import TorchTextModel
from workers.engines.serving.backends.torch.sampling import Sampler
from workers.engines.serving.errors import ServeError


@dataclass(eq=False)
class Generation:
    """One answer being written. The scheduler's thread calls `put` and `release`."""

    model: TorchTextModel
    adapter: str
    """Its row name."""
    request: AnswerRequest
    put: Callable[[int | ServeError | None], None]
    """Receives each token, then None at the end or the error that ended it."""
    release: Callable[[], None]
    """Called exactly once, when the adapter is no longer needed for this answer."""
    cancelled: Event = field(default_factory=Event)
    written: int = 0
    """Tokens written so far, the stop token included."""
    pending: int = 0
    """The newest token, not yet read by the model."""

    def __post_init__(self) -> None:
        self._sampler = Sampler(self.request.sampling)

    @property
    def cached(self) -> int:
        """Tokens whose keys and values are in the cache."""
        return len(self.request.prompt) + self.written - 1

    def take(self, logits: torch.Tensor) -> bool:
        """Choose the next token from (vocabulary,) logits and send it; False at the end."""
        self.pending = self._sampler.choose(logits)
        self.written += 1
        self.put(self.pending)
        if self.pending in self.request.stop_tokens or self.written >= self.request.max_tokens:
            self.put(None)
            return False
        return True


class AnswerBatch:
    """Rows that share one cache. Only the scheduler's thread touches it."""

    def __init__(self, model: TorchTextModel) -> None:
        self._model = model
        self._cache = DynamicCache()
        self.answers: list[Generation] = []

    def join(self, answer: Generation) -> None:
        """Read the prompt and write the first token. The answer joins unless it ends with that token."""
        # Without a config every layer keeps all keys and values. A sliding window is then applied by the
        # mask alone, so rows of different lengths can share a cache.
        cache = DynamicCache()
        length = len(answer.request.prompt)
        logits = self._model.forward(
            torch.tensor([list(answer.request.prompt)]),
            torch.ones(1, length, dtype=torch.long),
            torch.arange(length)[None],
            cache,
            [answer.adapter],
        )
        if not answer.take(logits[0]):
            answer.release()
            return
        self._cache = _joined(self._cache, cache) if self.answers else cache
        self.answers.append(answer)

    def step(self) -> None:
        """One token for each answer."""
        cached = torch.tensor([answer.cached for answer in self.answers])
        longest = int(cached.max())
        logits = self._model.forward(
            torch.tensor([[answer.pending] for answer in self.answers]),
            # The cached tokens of each row are aligned at the right, after the padding.
            (torch.arange(longest + 1)[None] >= longest - cached[:, None]).long(),
            cached[:, None],
            self._cache,
            [answer.adapter for answer in self.answers],
        )
        unfinished = [answer.take(row) for answer, row in zip(self.answers, logits, strict=True)]
        self.keep(unfinished)

    def fail(self, error: ServeError) -> None:
        for answer in self.answers:
            answer.put(error)
        self.keep([False] * len(self.answers))

    def keep(self, kept: list[bool]) -> None:
        """Remove and release the answers whose entry in `kept` is False."""
        if all(kept):
            return
        gone = [answer for answer, keep in zip(self.answers, kept, strict=True) if not keep]
        self.answers = [answer for answer, keep in zip(self.answers, kept, strict=True) if keep]
        if self.answers:
            longest = max(answer.cached for answer in self.answers)
            rows = torch.tensor(kept).nonzero()[:, 0]
            for layer in _layers(self._cache):
                layer.keys = layer.keys[rows.to(layer.keys.device)][..., -longest:, :]
                layer.values = layer.values[rows.to(layer.values.device)][..., -longest:, :]
        else:
            self._cache = DynamicCache()
        for answer in gone:
            answer.release()


def _layers(cache: DynamicCache) -> list[Any]:
    layers: list[Any] = cache.layers
    return [layer for layer in layers if layer.is_initialized]


def _joined(cache: DynamicCache, other: DynamicCache) -> DynamicCache:
    """`cache` with the rows of `other` added, both padded on the left to the longer one."""
    for layer, added in zip(_layers(cache), _layers(other), strict=True):
        length = max(layer.keys.shape[-2], added.keys.shape[-2])
        layer.keys = torch.cat([_padded(layer.keys, length), _padded(added.keys, length)])
        layer.values = torch.cat([_padded(layer.values, length), _padded(added.values, length)])
    return cache


def _padded(states: torch.Tensor, length: int) -> torch.Tensor:
    """(rows, heads, length, size) with zeros on the left."""
    return pad(states, (0, 0, length - states.shape[-2], 0))
