"""Question answering: held-out questions, with the passage that holds the answer (open book) and without."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from workers.contract.spec import Spec
from workers.contract.specs.tasks.declaration import Item, Metric, TaskSettings, declare_task
from workers.contract.translatable import gettext_noop

Book = Literal["open", "closed"]
METRIC_OF_BOOK: dict[Book, str] = {"open": "open_book_accuracy", "closed": "closed_book_accuracy"}


class GradedAnswer(Spec):
    """What a candidate answered, and whether that is right."""

    text: str
    right: bool
    overlap: float
    """Character-bigram F1 with the reference answer; it decides only where nothing is `accepted`."""
    cut_off: bool = False
    """The answer was still going on at the limit of new tokens."""


class QuestionItem(Item):
    """One held-out question, asked with its passage (open book) or without (closed book)."""

    task: Literal["question_answering"] = "question_answering"
    book: Book
    question: str
    reference: str
    accepted: tuple[str, ...] = ()
    results: dict[str, GradedAnswer] = Field(default_factory=dict)


@declare_task
class QuestionAnsweringSettings(TaskSettings):
    """Held-out questions, answered greedily. Right if an accepted short answer is in the answer."""

    metrics: ClassVar = (
        Metric(
            name=METRIC_OF_BOOK["open"],
            direction="higher",
            is_share=True,
            label=gettext_noop("Open-book accuracy"),
            help=gettext_noop(
                "Held-out questions asked with the passage that holds the answer, as in chat. Higher is better."
            ),
        ),
        Metric(
            name=METRIC_OF_BOOK["closed"],
            direction="higher",
            is_share=True,
            label=gettext_noop("Closed-book accuracy"),
            help=gettext_noop(
                "The same questions without the passage: what the model knows by itself. Higher is better."
            ),
        ),
    )
    item: ClassVar = QuestionItem

    type: Literal["question_answering"] = "question_answering"
    open_book: bool = True
    """Ask with the passage that holds the answer."""
    closed_book: bool = True
    """Ask without it: what the model knows by itself."""
    max_questions: int = Field(default=200, ge=1, le=100_000)
    """Questions that are asked; of more, the same ones are chosen every time."""
    max_new_tokens: int = Field(default=64, ge=1, le=4096)
    """Longest answer. The same for every question: a limit fitted to the answer would be a hint."""
    max_passage_tokens: int = Field(default=1024, ge=16, le=131_072)
    """A longer passage is cut at its end."""
    batch_size: int = Field(default=8, ge=1, le=512)
    """Questions answered at the same time."""
    overlap_threshold: float = Field(default=0.5, gt=0, le=1)
    """Without accepted answers: the least character-bigram F1 with the reference that counts as right."""

    @model_validator(mode="after")
    def _asks_something(self) -> QuestionAnsweringSettings:
        if not (self.open_book or self.closed_book):
            raise ValueError("ask open_book, closed_book or both")
        return self
