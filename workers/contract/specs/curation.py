"""Curation: pages of many documents in, a versioned dataset of training records out.

A recipe is an ordered list of steps, which are declared in `workers.contract.specs.curation_steps`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from workers.contract.personal_data import PERSONAL_KINDS
from workers.contract.spec import Spec
from workers.contract.specs.curation_steps import (
    AnyStep,
    BoilerplateStep,
    ExactDuplicateStep,
    MinimumLengthStep,
    NearDuplicateStep,
    NoiseStep,
    NormalizeStep,
    PersonalDataStep,
    QuestionAnswerStep,
    SegmentStep,
    SplitStep,
)


class Recipe(Spec):
    """The ordered steps from pages to records. A step may appear more than once, `segment` and `split` may not."""

    version: Literal[1] = 1
    steps: tuple[AnyStep, ...]

    @model_validator(mode="after")
    def _order_makes_sense(self) -> Self:
        types = [step.type for step in self.steps]
        for needed in ("segment", "split"):
            if needed not in types:
                raise ValueError(f"a recipe needs a {needed} step")
            if types.count(needed) > 1:
                raise ValueError(f"a recipe has one {needed} step only")
        if types[-1] != "split":
            raise ValueError("split must be the last step")
        cut = types.index("segment")
        for position, step in enumerate(self.steps):
            if step.works_on == "pages" and position > cut:
                raise ValueError(f"{step.type} works on whole pages and must come before segment")
            if isinstance(step, PersonalDataStep) and step.mode == "drop" and position < cut:
                raise ValueError("personal_data drops units and must come after segment")
            if step.works_on == "units" and position < cut:
                raise ValueError(f"{step.type} works on units and must come after segment")
        return self

    @property
    def masks_everything(self) -> bool:
        """Whether every kind of personal data is masked, also in what is dropped: that is kept as the step before left it."""
        masked: set[str] = set()
        for step in self.steps:
            if isinstance(step, PersonalDataStep):
                masked |= step.kinds_masked
            elif step.reasons:
                break
        return masked >= set(PERSONAL_KINDS)


DEFAULT_RECIPE = Recipe(
    steps=(
        NormalizeStep(),
        PersonalDataStep(),
        BoilerplateStep(),
        QuestionAnswerStep(),
        SegmentStep(),
        MinimumLengthStep(),
        NoiseStep(),
        ExactDuplicateStep(),
        NearDuplicateStep(),
        SplitStep(),
    )
)


class CurationSource(Spec):
    """One document revision that goes into the dataset."""

    document_id: str
    revision_id: str
    document_name: str
    pages_path: Path
    """`pages.jsonl` of its ingest; `records.jsonl` (conversations) is looked for beside it."""
    media_type: str


class EarlierVersion(Spec):
    """A version of the same dataset with an index of its records."""

    folder: Path
    manifest_sha256: str


class CurationSpec(Spec):
    """The frozen recipe and revisions that a dataset version is made from."""

    version: Literal[1] = 1
    sources: tuple[CurationSource, ...]
    """In order of preference: of two duplicates the earlier one stays, so name the newest first."""
    recipe: Recipe = DEFAULT_RECIPE
    seed: int = 0
    """Decides which records are held out; the same seed holds out the same texts again."""
    heldout_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of records kept away from training for evaluation."""
    earlier: EarlierVersion | None = None
    """The version before: its records stay held out, or in training, as they are there."""
    models: dict[str, Path] = Field(default_factory=dict)
    """Model folders for steps that use a model, by the name that the step asks for."""
    batch_size: int = Field(default=64, ge=1)
    """Units that a step with a model looks at together."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where a step with a model computes."""


class StepCount(Spec):
    """What one step did; before `segment` it counts pages, after it units."""

    step: str
    """The key of the step: its type, or for example `noise:2` for the second of a type."""
    units_in: int = 0
    units_out: int = 0
    dropped: int = 0
    """Entries it wrote to `dropped.jsonl` (whole units, and repeated lines)."""
    changed: int = 0
    """Units it let pass with other text than they came with."""
    characters_in: int = 0
    characters_out: int = 0
    characters_dropped: int = 0


class CurationResult(Spec):
    """Output folder: `records.jsonl`, `dropped.jsonl`, `changed.jsonl`, `report.json` and the manifest."""

    version: Literal[1] = 1
    records: int = Field(ge=0)
    """Texts, both splits."""
    pairs: int = Field(ge=0)
    """Question-answer pairs, both splits."""
    conversations: int = Field(default=0, ge=0)
    """Conversations from JSONL files, both splits."""
    heldout_records: int = Field(ge=0)
    heldout_pairs: int = Field(ge=0)
    heldout_conversations: int = Field(default=0, ge=0)
    dropped: int = Field(ge=0)
    """Lines of `dropped.jsonl`."""
    characters: int = Field(ge=0)
    """Characters of all records kept."""
    pairs_without_context: int = Field(default=0, ge=0)
    """Pairs for which no passage of the dataset supports the answer."""
    masked: dict[str, int] = Field(default_factory=dict)
    """Personal data masked, by kind."""
    dropped_by_reason: dict[str, int] = Field(default_factory=dict)
    kept_and_dropped_by_step: tuple[StepCount, ...] = ()
    manifest_sha256: str
