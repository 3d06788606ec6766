"""Bits per character of held-out texts, from their rolling log-likelihood, and of the answers of held-out pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import cast

from workers.contract.prompts import closed_book_messages
from workers.contract.records import AnyRecord, PairRecord, TextRecord, document_name
from workers.contract.specs.measurement import Ratio
from workers.contract.specs.tasks.bits_per_character import BitsPerCharacterSettings, TextBits, TextItem
from workers.engines.evaluation.requests import (
    Likelihood,
    LogLikelihood,
    Request,
    Response,
    RollingLogLikelihood,
)
from workers.engines.evaluation.tasks.task import Case, PromptSource, Task, choose, implements
from workers.engines.shared.language_models import chat_prompt, neutralise

LONGEST_ANSWER = 500
"""Characters of an answer that are measured: it is read in one piece."""


@implements(BitsPerCharacterSettings)
class BitsPerCharacter(Task[BitsPerCharacterSettings, TextItem]):
    def items(self, records: Sequence[AnyRecord], seed: int) -> list[Case[TextItem]]:
        texts = [record for record in records if _text(record).strip()]
        return [
            Case(
                TextItem(
                    record_id=record.id,
                    document_name=document_name(record.origin),
                    characters=len(_text(record)),
                ),
                record,
            )
            for record in choose(texts, self.settings.max_records, seed)
        ]

    def requests(self, case: Case[TextItem], candidate: PromptSource) -> list[Request]:
        record = case.record
        if isinstance(record, PairRecord):
            asked = chat_prompt(candidate.tokenizer, closed_book_messages(record.question))
            return [LogLikelihood(asked, neutralise(candidate.tokenizer, _text(record)))]
        return [RollingLogLikelihood(_text(record), self.settings.window_tokens)]

    def score(self, case: Case[TextItem], responses: Sequence[Response]) -> TextBits:
        response = cast(Likelihood, responses[0])
        return TextBits(bits=-response.log_likelihood / math.log(2), tokens=response.tokens)

    @staticmethod
    def aggregate(items: Sequence[TextItem], candidate: str) -> Mapping[str, Ratio]:
        """All bits over all characters: long texts weigh more, as they do when the model is used."""
        if not items:
            return {}
        bits = [item.results[candidate].bits for item in items]
        return {"bits_per_character": Ratio(bits, [float(item.characters) for item in items])}


def _text(record: AnyRecord) -> str:
    """A text; the answer of a pair, which is given its question; nothing of a conversation."""
    if isinstance(record, TextRecord):
        return record.text
    return record.answer[:LONGEST_ANSWER] if isinstance(record, PairRecord) else ""
