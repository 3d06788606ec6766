"""What an evaluation is started with (`EvaluationSpec`) and what it yields (`EvaluationResult`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from workers.contract.personal_data import PersonalDataMode
from workers.contract.spec import Spec
from workers.contract.specs.gate import BASE, Gate, GateVerdict
from workers.contract.specs.measurement import Bootstrap, Difference, Figure
from workers.contract.specs.tasks.bits_per_character import BitsPerCharacterSettings
from workers.contract.specs.tasks.declaration import AnyTask, TaskSettings
from workers.contract.specs.tasks.question_answering import QuestionAnsweringSettings

DEFAULT_TASKS: tuple[TaskSettings, ...] = (BitsPerCharacterSettings(), QuestionAnsweringSettings())


class CandidateIndex(Spec):
    """A search index that a candidate answers with, searched as in chat."""

    folder: Path
    """Folder of an index build."""
    manifest_sha256: str | None = None
    """Refuse to search if the manifest of the index is another."""
    embedding_model: Path
    """Folder of the model that the index was built with."""
    embedding_model_digest: str | None = None
    """Refuse to search if the digest of that folder is another."""
    groups: tuple[str, ...] = Field(min_length=1)
    """Only passages that carry one of these groups are found."""
    excluded_document_ids: tuple[str, ...] = ()
    """Documents that were removed since the index was built."""
    masked_document_ids: tuple[str, ...] = ()
    """Documents whose passages are masked although the others are raw."""
    personal_data: PersonalDataMode = "masked"
    """How the passages' text leaves the index, as in chat."""
    passages: int = Field(default=3, ge=1, le=20)
    """How many passages stand before a question."""


class Candidate(Spec):
    """A model to measure, under a name of its own."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    model: Path
    """Folder of a base model or of a fully trained one."""
    adapter: Path | None = None
    """Folder of the adapter that is put on the model."""
    manifest_sha256: str | None = None
    """Refuse to measure if the manifest of the adapter, or without an adapter that of the model, is another."""
    system_prompt: str = Field(default="", max_length=100_000)
    """Stands before every question, as in a release."""
    index: CandidateIndex | None = None
    """A question that is asked without the passage that holds the answer gets what this index finds for it."""


class EvaluationSpec(Spec):
    """Measure candidates on the `heldout` split only, all of them on the same items."""

    version: Literal[1] = 1
    candidates: tuple[Candidate, ...] = Field(min_length=1)
    baseline: str = BASE
    """Name of the candidate with which each other one is compared."""
    record_files: tuple[Path, ...] = Field(min_length=1)
    tasks: tuple[AnyTask, ...] = Field(default=DEFAULT_TASKS, min_length=1)
    bootstrap: Bootstrap = Bootstrap()
    gate: Gate | None = None
    """Judged when both its candidate and its baseline are measured; without a gate there is no verdict."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Chooses the records where a task takes fewer than there are."""

    @model_validator(mode="after")
    def _consistent(self) -> EvaluationSpec:
        names = [candidate.name for candidate in self.candidates]
        if len(names) != len(set(names)):
            raise ValueError("each candidate needs a name of its own")
        if self.baseline not in names:
            raise ValueError("the baseline must be one of the candidates")
        types = [task.type for task in self.tasks]
        if len(types) != len(set(types)):
            raise ValueError("each type of task may be given once")
        return self

    @property
    def is_judged(self) -> bool:
        names = {candidate.name for candidate in self.candidates}
        return self.gate is not None and {self.gate.candidate, self.gate.baseline} <= names

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(candidate, baseline) of every comparison: each candidate with the baseline, and the gate's pair."""
        names = [candidate.name for candidate in self.candidates if candidate.name != self.baseline]
        pairs = [(name, self.baseline) for name in names]
        if self.gate is not None and self.is_judged:
            pairs.append((self.gate.candidate, self.gate.baseline))
        return list(dict.fromkeys(pairs))


class EvaluationResult(Spec):
    """The figures, the verdict, and the artefact from which both can be computed again."""

    version: Literal[1] = 1
    figures: tuple[Figure, ...]
    differences: tuple[Difference, ...] = ()
    gate: GateVerdict | None = None
    records: dict[str, int]
    """Held-out records measured, by task: a question that was asked in two forms is one record."""
    items: int
    """Lines of `items.jsonl`."""
    seconds: float
    manifest_sha256: str
    """Digest of the manifest in the run's `output/`."""
