"""Held-out questions, answered greedily with their passage and without, graded by what is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from workers.contract.prompts import STOP_STRINGS, PromptMessage, closed_book_messages, open_book_messages
from workers.contract.records import AnyRecord, MessagesRecord, PairRecord, document_name
from workers.contract.specs.measurement import Ratio, Share
from workers.contract.specs.tasks.question_answering import (
    METRIC_OF_BOOK,
    Book,
    GradedAnswer,
    QuestionAnsweringSettings,
    QuestionItem,
)
from workers.engines.evaluation.requests import Generated, GenerateUntil, Request, Response
from workers.engines.evaluation.scoring import is_right, overlap
from workers.engines.evaluation.tasks.task import Case, PromptSource, Task, choose, implements
from workers.engines.shared.language_models import chat_prompt, encode


@implements(QuestionAnsweringSettings)
class QuestionAnswering(Task[QuestionAnsweringSettings, QuestionItem]):
    length_setting = "max_passage_tokens"

    def items(self, records: Sequence[AnyRecord], seed: int) -> list[Case[QuestionItem]]:
        """A pair is asked in up to two forms. A conversation asks for its last answer, without a passage."""
        asking = [
            record
            for record in records
            if isinstance(record, PairRecord | MessagesRecord) and self._forms(record)
        ]
        return [
            Case(item, record)
            for record in choose(asking, self.settings.max_questions, seed)
            for item in self._forms(record)
        ]

    def _forms(self, record: PairRecord | MessagesRecord) -> list[QuestionItem]:
        books: list[Book] = ["closed"] if self.settings.closed_book else []
        if isinstance(record, MessagesRecord):
            *before, last = record.messages
            if last["role"] != "assistant" or not before:
                return []
            question, reference, accepted = before[-1]["content"], last["content"], ()
        else:
            question, reference, accepted = record.question, record.answer, record.accepted
            if self.settings.open_book:
                books.insert(0, "open")
        return [
            QuestionItem(
                record_id=record.id,
                document_name=document_name(record.origin),
                book=book,
                question=question,
                reference=reference,
                accepted=accepted,
            )
            for book in books
        ]

    def requests(self, case: Case[QuestionItem], candidate: PromptSource) -> list[Request]:
        prompt = chat_prompt(candidate.tokenizer, self._messages(case, candidate))
        return [
            GenerateUntil(
                prompt,
                self.settings.max_new_tokens,
                until=("\n", *STOP_STRINGS),
                batch_size=self.settings.batch_size,
            )
        ]

    def _messages(self, case: Case[QuestionItem], candidate: PromptSource) -> list[PromptMessage]:
        """As in chat: passages come before the last question, and the candidate's system prompt before all."""
        record, question = case.record, case.item.question
        passages = self._passages(case, candidate)
        turns = list(record.messages[:-2]) if isinstance(record, MessagesRecord) else []
        if passages is not None:
            turns += open_book_messages(question, passages)
        elif isinstance(record, MessagesRecord):
            turns.append(record.messages[-2])
        else:
            turns += closed_book_messages(question)
        if not candidate.system_prompt:
            return turns
        prompts = [turn["content"] for turn in turns if turn["role"] == "system"]
        system = {"role": "system", "content": "\n\n".join([candidate.system_prompt, *prompts])}
        return [system, *(turn for turn in turns if turn["role"] != "system")]

    def _passages(self, case: Case[QuestionItem], candidate: PromptSource) -> list[str] | None:
        """None: the question is asked without passages."""
        if case.item.book == "open":
            passages: list[str] | None = [cast(PairRecord, case.record).passage]
        else:
            passages = candidate.find_passages(case.item.question)
        if passages is None:
            return None
        tokenizer, limit = candidate.tokenizer, self.settings.max_passage_tokens
        shortened = []
        for passage in passages:
            ids = encode(tokenizer, passage)
            shortened.append(passage if len(ids) <= limit else str(tokenizer.decode(ids[:limit])))
        return shortened

    def score(self, case: Case[QuestionItem], responses: Sequence[Response]) -> GradedAnswer:
        answer, item = cast(Generated, responses[0]), case.item
        return GradedAnswer(
            text=answer.text,
            right=is_right(answer.text, item.reference, item.accepted, self.settings.overlap_threshold),
            overlap=overlap(answer.text, item.reference),
            cut_off=answer.cut_off,
        )

    @staticmethod
    def aggregate(items: Sequence[QuestionItem], candidate: str) -> Mapping[str, Ratio]:
        """The share of right answers in each book."""
        shares = {
            metric: Share([item.results[candidate].right for item in items if item.book == book])
            for book, metric in METRIC_OF_BOOK.items()
        }
        return {metric: share for metric, share in shares.items() if share.numbers}
