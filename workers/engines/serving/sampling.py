"""Choose the next token of one answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import torch

# Sorting a vocabulary of 262,144 takes longer than the rest of a step; the nucleus is nearly always
# among the likeliest few hundred.
NUCLEUS_GUESS = 512


@dataclass
class Sampler:
    """`temperature` 0 is greedy. Penalties are OpenAI's: by presence and by count in the answer so far."""

    temperature: float = 1.0
    top_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    _counts: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._generator = torch.Generator()
        if self.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(self.seed)

    def choose(self, logits: torch.Tensor) -> int:
        """`logits`: (vocabulary,) of the position after the text so far."""
        logits = self._penalised(logits.float().cpu())
        token = int(logits.argmax()) if self.temperature == 0 else self._sample(logits / self.temperature)
        self._counts[token] += 1
        return token

    def _penalised(self, logits: torch.Tensor) -> torch.Tensor:
        if not self._counts or not (self.presence_penalty or self.frequency_penalty):
            return logits
        tokens = torch.tensor(list(self._counts))
        counts = torch.tensor(list(self._counts.values()), dtype=torch.float32)
        logits = logits.clone()
        logits[tokens] -= self.presence_penalty + self.frequency_penalty * counts
        return logits

    def _sample(self, logits: torch.Tensor) -> int:
        probabilities = torch.softmax(logits, dim=-1)
        if self.top_p >= 1:
            return int(torch.multinomial(probabilities, 1, generator=self._generator))
        values, tokens = torch.topk(probabilities, min(NUCLEUS_GUESS, len(probabilities)))
        if float(values.sum()) < self.top_p:
            values, tokens = torch.sort(probabilities, descending=True)
        # The nucleus: every token before which less than top_p is gathered (the first one always).
        nucleus = values[values.cumsum(0) - values < self.top_p]
        return int(tokens[torch.multinomial(nucleus, 1, generator=self._generator)])
