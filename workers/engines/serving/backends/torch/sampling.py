"""Choose the next token of one answer."""

from __future__ import annotations

from collections import Counter

import torch

from workers.engines.serving.backends.protocol import SamplingSettings

# Sorting a vocabulary of 262,144 takes longer than the rest of a step; the nucleus nearly always
# lies within the few hundred most probable tokens.
NUCLEUS_GUESS = 512


class Sampler:
    """Penalties are OpenAI's: by presence and by count in the answer so far."""

    def __init__(self, settings: SamplingSettings) -> None:
        self._settings = settings
        self._counts: Counter[int] = Counter()
        self._generator = torch.Generator()
        if settings.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(settings.seed)

    def choose(self, logits: torch.Tensor) -> int:
        """`logits`: (vocabulary,) of the position after the text so far."""
        logits = self._penalised(logits.float().cpu())
        temperature = self._settings.temperature
        token = int(logits.argmax()) if temperature == 0 else self._sample(logits / temperature)
        self._counts[token] += 1
        return token

    def _penalised(self, logits: torch.Tensor) -> torch.Tensor:
        presence, frequency = self._settings.presence_penalty, self._settings.frequency_penalty
        if not self._counts or not (presence or frequency):
            return logits
        tokens = torch.tensor(list(self._counts))
        counts = torch.tensor(list(self._counts.values()), dtype=torch.float32)
        logits = logits.clone()
        logits[tokens] -= presence + frequency * counts
        return logits

    def _sample(self, logits: torch.Tensor) -> int:
        probabilities, top_p = torch.softmax(logits, dim=-1), self._settings.top_p
        if top_p >= 1:
            return int(torch.multinomial(probabilities, 1, generator=self._generator))
        values, tokens = torch.topk(probabilities, min(NUCLEUS_GUESS, len(probabilities)))
        if float(values.sum()) < top_p:
            values, tokens = torch.sort(probabilities, descending=True)
        # The nucleus: every token before which less than top_p is gathered (the first one always).
        nucleus = values[values.cumsum(0) - values < top_p]
        return int(tokens[torch.multinomial(nucleus, 1, generator=self._generator)])
