"""Supervised training: from questions with answers and from conversations, the assistant's turns are learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from workers.contract.prompts import PromptMessage, closed_book_messages, open_book_messages
from workers.contract.records import MessagesRecord, PairRecord
from workers.engines.shared.language_models import chat_prompt, encode
from workers.engines.shared.runtime import UserError
from workers.engines.training.objectives.next_token import NextTokenObjective
from workers.engines.training.samples import Sample


class Supervised(NextTokenObjective):
    name = "supervised"
    record_types = (PairRecord, MessagesRecord)

    def samples(self, records: Sequence[PairRecord | MessagesRecord]) -> Iterator[list[Sample]]:
        contexts = sorted({record.passage for record in records if isinstance(record, PairRecord)})
        for record in records:
            conversations = self._conversations(record, contexts)
            made = [self._sample(messages) for messages in conversations]
            # A conversation without a turn of the assistant has nothing to learn.
            yield [sample for sample in made if sample.weights.any()]

    def _conversations(
        self, record: PairRecord | MessagesRecord, contexts: Sequence[str]
    ) -> Iterator[list[PromptMessage]]:
        """A conversation as it is; a pair once without its passage, once with it, as `pair_forms` says."""
        if isinstance(record, MessagesRecord):
            yield list(record.messages)
            return
        answer = {"role": "assistant", "content": record.answer}
        if "closed_book" in self.settings.pair_forms:
            yield [*closed_book_messages(record.question), answer]
        if "open_book" in self.settings.pair_forms:
            yield [*open_book_messages(record.question, self._passages(record, contexts)), answer]

    def _passages(self, record: PairRecord, contexts: Sequence[str]) -> list[str]:
        """The pair's own passage among distractors, at a place drawn from seed and record."""
        draw = np.random.default_rng((self.settings.seed, *record.id.encode()))
        distractors = self.settings.open_book_distractors
        # One more is drawn, because the pair's own passage may be among those drawn.
        drawn = draw.choice(len(contexts), size=min(distractors + 1, len(contexts)), replace=False)
        passages = [contexts[i] for i in drawn if contexts[i] != record.passage][:distractors]
        passages.insert(int(draw.integers(len(passages) + 1)), record.passage)
        return passages

    def _sample(self, messages: list[PromptMessage]) -> Sample:
        """Weights on what the assistant writes, including the token that ends its turn."""
        ids: list[int] = []
        weights: list[float] = []
        text = ""
        for turn, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            asked = chat_prompt(self.tokenizer, messages[:turn])
            answered = chat_prompt(self.tokenizer, messages[: turn + 1], generate=False)
            if not asked.startswith(text) or not answered.startswith(asked):
                raise UserError(
                    "chat_template_unsupported",
                    "The base model's chat template rewrites earlier turns; use another template.",
                    param="base_model",
                )
            # Prompt and answer are encoded separately, as they are when the model answers in production.
            prompt = encode(self.tokenizer, asked[len(text) :])
            answer = encode(self.tokenizer, answered[len(asked) :].rstrip("\n"))
            text = asked + answered[len(asked) :].rstrip("\n")
            ids += prompt + answer
            weights += [0.0] * len(prompt) + [self.settings.pair_weight] * len(answer)
        if weights:
            weights[0] = 0.0
        return Sample(
            np.array(ids, dtype=np.int64), np.array(weights, dtype=np.float32), self.settings.pair_repeats
        )
