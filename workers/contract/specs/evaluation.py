"""What an evaluation is told (`EvaluationSpec`) and what it answers (`EvaluationResult`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workers.contract.specs.base import Spec
from workers.contract.specs.gate import Gate, GateVerdict
from workers.contract.specs.measurement import Bootstrap, Differences, Measurements


class BitsPerCharacterTask(Spec):
    """How many bits a model needs for each character of held-out text: lower is better.

    Counting by character makes models with different tokenizers comparable.
    """

    type: Literal["bits_per_character"] = "bits_per_character"
    max_records: int = Field(default=200, ge=1, le=100_000)
    """Texts that are measured; of more, the same ones are chosen every time."""
    window_tokens: int = Field(default=512, ge=32, le=32_768)
    """Longer texts are read in windows of this many tokens, each half overlapping the one before."""


class QuestionAnsweringTask(Spec):
    """Held-out questions, answered greedily. Right if an accepted short answer is in the answer."""

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
    def _asks_something(self) -> QuestionAnsweringTask:
        if not (self.open_book or self.closed_book):
            raise ValueError("ask open_book, closed_book or both")
        return self


Task = Annotated[BitsPerCharacterTask | QuestionAnsweringTask, Field(discriminator="type")]
DEFAULT_TASKS: tuple[BitsPerCharacterTask | QuestionAnsweringTask, ...] = (
    BitsPerCharacterTask(),
    QuestionAnsweringTask(),
)


class EvaluationSpec(Spec):
    """Measure a base model and, where given, what was tuned from it, on the `heldout` split only."""

    version: Literal[1] = 1
    base_model: Path
    """Folder of the base model."""
    adapter: Path | None = None
    """Folder of the adapter that makes the tuned model."""
    tuned_model: Path | None = None
    """Instead of an adapter: folder of a fully trained model."""
    tuned_manifest_sha256: str | None = None
    """Refuse to measure if the adapter's (or the tuned model's) manifest is another."""
    record_files: tuple[Path, ...] = Field(min_length=1)
    tasks: tuple[Task, ...] = Field(default=DEFAULT_TASKS, min_length=1)
    bootstrap: Bootstrap = Bootstrap()
    gate: Gate | None = None
    """Judged when there is a tuned model; without a gate there is no verdict."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Chooses the records where a task takes fewer than there are."""

    @model_validator(mode="after")
    def _consistent(self) -> EvaluationSpec:
        if self.adapter is not None and self.tuned_model is not None:
            raise ValueError("give an adapter or a tuned_model, not both")
        types = [task.type for task in self.tasks]
        if len(types) != len(set(types)):
            raise ValueError("each type of task may be given once")
        return self


class EvaluationResult(Spec):
    """The figures, the verdict, and the artefact from which both can be computed again."""

    version: Literal[1] = 1
    base: Measurements
    tuned: Measurements | None = None
    differences: Differences = Field(default_factory=dict)
    """Tuned minus base, by metric."""
    gate: GateVerdict | None = None
    texts: int
    """Held-out texts measured."""
    questions: int
    """Held-out questions asked, each counted once for all books and models."""
    items: int
    """Lines of `items.jsonl`."""
    seconds: float
    manifest_sha256: str
    """Digest of the manifest in the run's `output/`."""
