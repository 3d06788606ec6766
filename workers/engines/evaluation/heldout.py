"""The held-out records an evaluation measures: read, and the same ones chosen every time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from workers.contract.prompts import Message, closed_book_messages, open_book_messages
from workers.contract.records import (
    RECORD,
    AnyRecord,
    MessagesRecord,
    PairRecord,
    TextRecord,
    document_name,
)
from workers.contract.specs.evaluation import QuestionAnsweringTask
from workers.contract.specs.measurement import Book
from workers.engines.shared.runtime import UserError

RecordT = TypeVar("RecordT", bound=TextRecord | PairRecord | MessagesRecord)


@dataclass(frozen=True)
class Question:
    """One question in one form, with what makes an answer to it right."""

    record_id: str
    document_name: str
    book: Book
    question: str
    passage: str
    """The open book; empty for a closed one."""
    history: tuple[Message, ...]
    """For a conversation: what was said up to the question, which it then replaces."""
    reference: str
    accepted: tuple[str, ...]

    def messages(self, passage: str) -> list[Message]:
        """What is sent to the model, with `passage` (shortened, perhaps) as the open book."""
        if self.history:
            return list(self.history)
        if self.book == "open":
            return open_book_messages(self.question, [passage])
        return closed_book_messages(self.question)


def read_heldout(files: Sequence[Path]) -> Iterator[AnyRecord]:
    """The records of the `heldout` split. Raises UserError `broken_record` naming file and line."""
    for path in files:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    if json.loads(line).get("split") == "heldout":
                        yield RECORD.validate_json(line)
                except (ValidationError, ValueError, AttributeError):
                    raise UserError(
                        "broken_record",
                        f"Line {number} of {path.name} is not a record.",
                        param=f"{path.name}:{number}",
                    ) from None


def choose(records: Sequence[RecordT], limit: int, seed: int) -> list[RecordT]:
    """At most `limit` of them, by hash: independent of their order, and stable when others come or go."""
    ranked = sorted(records, key=lambda record: hashlib.sha256(f"{seed}:{record.id}".encode()).digest())
    return ranked[:limit]


def questions_of(record: PairRecord | MessagesRecord, task: QuestionAnsweringTask) -> list[Question]:
    """The forms in which the record is asked; none where it does not fit the task."""
    if isinstance(record, MessagesRecord):
        return _from_conversation(record) if task.closed_book else []
    books: list[Book] = []
    if task.open_book and record.context:
        books.append("open")
    if task.closed_book:
        books.append("closed")
    return [
        Question(
            record_id=record.id,
            document_name=document_name(record.origin),
            book=book,
            question=record.question,
            passage=record.context if book == "open" else "",
            history=(),
            reference=record.answer,
            accepted=record.accepted,
        )
        for book in books
    ]


def _from_conversation(record: MessagesRecord) -> list[Question]:
    """A conversation asks for its last answer, given all that was said before."""
    *before, last = record.messages
    if last["role"] != "assistant" or not before:
        return []
    return [
        Question(
            record_id=record.id,
            document_name=document_name(record.origin),
            book="closed",
            question=before[-1]["content"],
            passage="",
            history=tuple(before),
            reference=last["content"],
            accepted=(),
        )
    ]
