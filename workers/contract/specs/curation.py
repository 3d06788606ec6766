"""Curate: pages of many documents in, a versioned data set of training records out.

A recipe is an ordered list of steps. Each step class says under every field what it does; the
console draws its form from exactly these sentences.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workers.contract.specs.base import Spec

PersonalDataKind = Literal["email", "phone", "my_number", "credit_card", "postal_address", "name"]


class NormalizeStep(Spec):
    """Bring characters to one form: NFKC, unified ideographs, no control characters."""

    type: Literal["normalize"] = "normalize"
    join_wrapped_lines: bool = False
    """Undo line breaks inside sentences, for text files wrapped at a fixed width."""


class PersonalDataStep(Spec):
    """Replace personal data by a token that names its kind, for example 〔電話番号〕."""

    type: Literal["personal_data"] = "personal_data"
    kinds: tuple[PersonalDataKind, ...] = (
        "email",
        "phone",
        "my_number",
        "credit_card",
        "postal_address",
        "name",
    )
    """What to mask. Numbers with a check digit are masked only where it is right."""
    keep_domains: tuple[str, ...] = ()
    """E-mail domains to leave alone, for example the company's own for shared mailboxes."""


class BoilerplateStep(Spec):
    """Drop pages that carry no knowledge and lines that repeat on page after page."""

    type: Literal["boilerplate"] = "boilerplate"
    drop_contents_pages: bool = True
    """Drop pages that are a table of contents."""
    drop_notice_pages: bool = True
    """Drop pages that hold nothing but a copyright notice, a confidentiality notice or a cover."""
    repeated_line_share: float = Field(default=0.6, gt=0, le=1)
    """Remove a header or footer line found on at least this share of a document's pages."""
    repeated_line_pages: int = Field(default=2, ge=2)
    """Look for repeated lines only in documents of at least this many pages."""


class QuestionAnswerStep(Spec):
    """Turn tables with a question column and an answer column into question-answer pairs."""

    type: Literal["question_answer_pairs"] = "question_answer_pairs"
    question_headers: tuple[str, ...] = ("質問", "問い", "お問い合わせ", "問合せ内容", "question", "q")
    """Column titles that mark the question."""
    answer_headers: tuple[str, ...] = ("回答", "答え", "対応", "answer", "a")
    """Column titles that mark the answer."""
    short_answer_headers: tuple[str, ...] = ("短答", "短い回答", "正答", "short answer", "short_answer")
    """Column titles that mark the accepted short answers, several separated by ／ or |."""
    header_rows: int = Field(default=5, ge=1)
    """Look for the column titles in this many first rows of a table."""


class SegmentStep(Spec):
    """Cut documents into units of training text where their meaning ends."""

    type: Literal["segment"] = "segment"
    max_characters: int = Field(default=800, ge=50, le=20_000)
    """Longest unit. Longer articles and paragraphs are cut at the end of a sentence."""
    min_characters: int = Field(default=200, ge=0)
    """Join paragraphs up to this length; articles (第N条) stay apart however short."""
    split_articles: bool = True
    """Begin a new unit at every article (第N条) of a regulation."""


class MinimumLengthStep(Spec):
    """Drop units too short to teach anything."""

    type: Literal["minimum_length"] = "minimum_length"
    characters: int = Field(default=15, ge=1)
    """Shortest unit kept."""


class NoiseStep(Spec):
    """Drop units that are symbols, repetition or the debris of a bad extraction."""

    type: Literal["noise"] = "noise"
    max_symbol_share: float = Field(default=0.4, gt=0, le=1)
    """Drop a unit in which more than this share of characters are neither letters nor digits."""
    max_repetition: float = Field(default=0.5, gt=0, le=1)
    """Drop a unit in which more than this share of text lies in one repeated run of characters."""
    min_japanese_share: float = Field(default=0.0, ge=0, le=1)
    """Drop a unit with a smaller share of Japanese letters. 0 keeps every language."""


class ExactDuplicateStep(Spec):
    """Keep the first of units that are equal once spaces and case are ignored."""

    type: Literal["exact_duplicate"] = "exact_duplicate"


class NearDuplicateStep(Spec):
    """Keep the first of units that are nearly equal (MinHash over character n-grams)."""

    type: Literal["near_duplicate"] = "near_duplicate"
    threshold: float = Field(default=0.8, ge=0.5, le=1)
    """Jaccard similarity from which two units count as the same."""
    ngram: int = Field(default=5, ge=2, le=20)
    """Characters per n-gram."""
    permutations: int = Field(default=128, ge=32, le=512, multiple_of=16)
    """Hash functions: more are more exact and slower."""


class SplitStep(Spec):
    """Hold a share of the records out of training, so that the model can be measured on them."""

    type: Literal["split"] = "split"
    similarity: float = Field(default=0.5, ge=0.3, le=1)
    """Records at least this alike (or with the same answer) stay together on one side."""
    least_heldout: int = Field(default=8, ge=0)
    """Hold out at least this many texts and this many pairs where there are enough."""
    most_heldout_share: float = Field(default=0.3, gt=0, le=0.5)
    """Never hold out more than this share of the texts or of the pairs to reach that number."""


AnyStep = Annotated[
    NormalizeStep
    | PersonalDataStep
    | BoilerplateStep
    | QuestionAnswerStep
    | SegmentStep
    | MinimumLengthStep
    | NoiseStep
    | ExactDuplicateStep
    | NearDuplicateStep
    | SplitStep,
    Field(discriminator="type"),
]

BEFORE_SEGMENT = ("boilerplate", "question_answer_pairs")
AFTER_SEGMENT = ("minimum_length", "noise", "exact_duplicate", "near_duplicate")


class Recipe(Spec):
    """The ordered steps from pages to records; each type of step at most once."""

    version: Literal[1] = 1
    steps: tuple[AnyStep, ...]

    @model_validator(mode="after")
    def _order_makes_sense(self) -> Self:
        types: list[str] = [step.type for step in self.steps]
        if len(set(types)) != len(types):
            raise ValueError("a recipe names each type of step at most once")
        for needed in ("segment", "split"):
            if needed not in types:
                raise ValueError(f"a recipe needs a {needed} step")
        if types[-1] != "split":
            raise ValueError("split must be the last step")
        cut = types.index("segment")
        for type_ in BEFORE_SEGMENT:
            if type_ in types and types.index(type_) > cut:
                raise ValueError(f"{type_} works on whole pages and must come before segment")
        for type_ in AFTER_SEGMENT:
            if type_ in types and types.index(type_) < cut:
                raise ValueError(f"{type_} works on units and must come after segment")
        return self


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
    """One document revision that goes into the data set."""

    document_id: str
    revision_id: str
    document_name: str
    pages_path: Path
    """`pages.jsonl` of its ingest; `records.jsonl` (conversations) is looked for beside it."""
    media_type: str


class CurationSpec(Spec):
    """The frozen recipe and revisions a data set version is made from."""

    version: Literal[1] = 1
    sources: tuple[CurationSource, ...]
    """In order of preference: of two duplicates the earlier one stays, so name the newest first."""
    recipe: Recipe = DEFAULT_RECIPE
    seed: int = 0
    """Decides which records are held out; the same seed holds out the same texts again."""
    heldout_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of records kept away from training for evaluation."""


class StepCount(Spec):
    """What one step did; before `segment` it counts pages, after it units."""

    step: str
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
    """Output folder: `records.jsonl`, `dropped.jsonl`, `report.json` and the manifest."""

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
    """Pairs for which no passage of the data set supports the answer."""
    masked: dict[str, int] = Field(default_factory=dict)
    """Personal data masked, by kind."""
    dropped_by_reason: dict[str, int] = Field(default_factory=dict)
    kept_and_dropped_by_step: tuple[StepCount, ...] = ()
    manifest_sha256: str
