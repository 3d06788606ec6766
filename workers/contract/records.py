"""The lines of the JSONL files that engines exchange: pages, records, dropped records.

ingest writes `pages.jsonl` (Page) and `personal_data.jsonl` (see `personal_data.py`); curation reads pages and writes
`records.jsonl` (AnyRecord), `dropped.jsonl` (DroppedRecord), `changed.jsonl` (ChangedRecord) and `duplicates.jsonl`
(DuplicateGroup); training and evaluation read records; retrieval reads pages and personal data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from workers.contract.blocks import Block, Heading, headings_after
from workers.contract.spec import Spec, TextRange

PAGES_FILE = "pages.jsonl"
RECORDS_FILE = "records.jsonl"
DROPPED_FILE = "dropped.jsonl"
DUPLICATES_FILE = "duplicates.jsonl"
CHANGED_FILE = "changed.jsonl"
REPORT_FILE = "report.json"

PageKind = Literal["page", "sheet", "slide", "section"]
Split = Literal["train", "heldout"]


class Table(Spec):
    """A rectangle of cells; `rows[0]` is the header where the sheet has one.

    The text of a merged cell stands in every cell that it counts for.
    """

    cells: str
    """Range of the whole table as a spreadsheet writes it, for example `A1:C20`."""
    rows: tuple[tuple[str, ...], ...]
    header_height: int = Field(default=1, ge=1)
    """How many rows of the sheet `rows[0]` stands for: names above one another are one name of their column."""
    hidden_rows: tuple[int, ...] = ()
    """Numbers of the sheet's rows within `cells` that are hidden and not among `rows`, in order."""


class TextLayer(Spec):
    """The file itself holds the text."""

    type: Literal["text_layer"] = "text_layer"


class RecognizedText(Spec):
    """The text was recognized in a picture (OCR)."""

    type: Literal["ocr"] = "ocr"
    confidence: float = Field(ge=0, le=1)
    """Mean over the page, as the recognizer states it."""


TextOrigin = Annotated[TextLayer | RecognizedText, Field(discriminator="type")]


class Page(Spec):
    """One page, sheet, slide or section of a revision, as extracted and normalised."""

    kind: PageKind
    number: int = Field(ge=1)
    label: str | None = None
    """The sheet's or section's own name."""
    text: str
    text_origin: TextOrigin = TextLayer()
    """Every current parser reads a text layer."""
    tables: tuple[Table, ...] = ()
    headings: tuple[Heading, ...] = ()
    """Above the page's first block, the highest first."""
    blocks: tuple[Block, ...] = ()
    """In the order of the text and without overlaps. Empty where an earlier release read the page."""
    width: float | None = None
    """Of the page as it is shown, in points; known where blocks have boxes."""
    height: float | None = None

    @model_validator(mode="after")
    def _blocks_are_in_the_text(self) -> Self:
        ends = [0, *(block.end for block in self.blocks)]
        if ends[-1] > len(self.text) or any(
            block.start < end for block, end in zip(self.blocks, ends, strict=False)
        ):
            raise ValueError("blocks must stand in the page's text, in its order and without overlaps")
        if any(block.table is not None and block.table >= len(self.tables) for block in self.blocks):
            raise ValueError("a block of a table that the page does not have")
        return self

    def placed_blocks(self) -> Iterator[tuple[Block, str, tuple[Heading, ...]]]:
        """Each block with its text and the headings that it stands under, the highest first."""
        path = self.headings
        for block in self.blocks:
            text = self.text[block.start : block.end]
            if block.kind == "heading":
                heading = Heading(level=block.level or 1, text=text)
                path = headings_after(path, heading)
                yield block, text, path[:-1]
            else:
                yield block, text, path


class Source(Spec):
    """A place in a document, precise enough to open the original there."""

    document_id: str
    revision_id: str
    document_name: str
    kind: PageKind
    number: int = Field(ge=1)
    label: str | None = None
    cells: str | None = None
    """Cell range within a sheet, for example `A5:C5`."""


class Span(TextRange):
    """A range of characters in the text of a page."""

    source: Source


# -- where a record comes from ----------------------------------------------------------------
class DocumentOrigin(Spec):
    """The text stands in a document."""

    type: Literal["document"] = "document"
    source: Source


class WrittenOrigin(Spec):
    """A person wrote the pair in the console or through the API."""

    type: Literal["written"] = "written"
    pair_id: str
    author_id: str
    """The user or the API key."""


class CorrectionOrigin(Spec):
    """A person corrected an answer in a chat."""

    type: Literal["correction"] = "correction"
    pair_id: str
    author_id: str
    """The user or the API key."""
    conversation_id: str
    message_id: str
    """The answer that was corrected."""


class GeneratedOrigin(Spec):
    """A model or a rule made the pair from a passage of a document."""

    type: Literal["generated"] = "generated"
    pair_id: str
    generator: str
    """What made it, for example the name of a model version."""
    span: Span
    """The passage it was made from."""


class ImportedOrigin(Spec):
    """The record is a row of a dataset that was made elsewhere, for example JSQuAD."""

    type: Literal["imported"] = "imported"
    dataset: str
    """Name and version of the dataset."""
    row: int = Field(ge=1)


PairOrigin = Annotated[WrittenOrigin | CorrectionOrigin | GeneratedOrigin, Field(discriminator="type")]
"""Of a pair that the platform stores as a row."""
Origin = Annotated[
    DocumentOrigin | WrittenOrigin | CorrectionOrigin | GeneratedOrigin | ImportedOrigin,
    Field(discriminator="type"),
]

PAIR_ORIGIN = TypeAdapter[PairOrigin](PairOrigin)
ORIGIN = TypeAdapter[Origin](Origin)


def source_of(origin: Origin) -> Source | None:
    """The place in a document that the origin names, if it names one."""
    if isinstance(origin, DocumentOrigin):
        return origin.source
    return origin.span.source if isinstance(origin, GeneratedOrigin) else None


def document_name(origin: Origin) -> str:
    """The name of the document that the origin names; empty if it names none."""
    source = source_of(origin)
    return source.document_name if source else ""


# -- records ----------------------------------------------------------------------------------
class TextRecord(Spec):
    """A unit of text for continued pre-training."""

    type: Literal["text"] = "text"
    id: str
    """sha256 (first 16 hex digits) of origin and text: stable across versions."""
    text: str
    origin: Origin
    split: Split = "train"

    @property
    def content(self) -> str:
        """All that the record says."""
        return self.text


class PairRecord(Spec):
    """A question with its answer for supervised training."""

    type: Literal["pair"] = "pair"
    id: str
    question: str
    answer: str
    accepted: tuple[str, ...] = ()
    """Short strings any of which makes an answer right; empty: judged by overlap with `answer`."""
    context: str = ""
    """The passage of the dataset that best supports the answer; shown in open-book questions."""
    origin: Origin
    split: Split = "train"

    @property
    def content(self) -> str:
        return f"{self.question}\n{self.answer}"

    @property
    def passage(self) -> str:
        """What an open-book question is asked with: the context, else the pair as search finds it in its sheet."""
        return self.context or f"質問: {self.question}\n回答: {self.answer}"


class MessagesRecord(Spec):
    """A conversation from an uploaded JSONL file."""

    type: Literal["messages"] = "messages"
    id: str
    messages: tuple[dict[str, str], ...]
    """`{"role": "system|user|assistant", "content": ...}`; loss on the assistant's turns only."""
    origin: Origin
    split: Split = "train"

    @property
    def content(self) -> str:
        return "\n".join(message["content"] for message in self.messages)


AnyRecord = Annotated[TextRecord | PairRecord | MessagesRecord, Field(discriminator="type")]
RECORD = TypeAdapter[AnyRecord](AnyRecord)
FileRecord = TextRecord | MessagesRecord
"""What a line of an uploaded JSONL file becomes."""


class DroppedRecord(Spec):
    """What did not become a record, with the step that dropped it and why."""

    step: str
    """The key of the recipe's step, for example `boilerplate` or `noise:2`."""
    reason: str
    """A stable word, for example `near_duplicate`; the console translates it."""
    detail: str = ""
    """For example the id of the record it repeats, or the measured value and the threshold."""
    text: str
    origin: Origin


KeptBecause = Literal["newest_document", "first_in_document"]
"""Why this copy of a text is the one that stays: it is in the newest of the documents, or it stands first in its document."""


class Repetition(Spec):
    """A unit that was dropped because it repeats a record."""

    step: str
    reason: str
    """`exact_duplicate` or `near_duplicate`."""
    text: str
    """Its beginning."""
    origin: Origin


class DuplicateGroup(Spec):
    """A record and what was dropped as a repetition of it. The file has at most the 1,000 groups that were met first."""

    record_id: str
    text: str
    """The beginning of the record that stays."""
    origin: Origin
    kept_because: KeptBecause
    repetitions: int = Field(ge=1)
    shown: tuple[Repetition, ...]
    """At most 20 of them."""


class ChangedRecord(Spec):
    """A page or unit that a step changed and let pass: at most 100 examples of each step.

    Personal data that the recipe masks is hidden in both texts.
    """

    step: str
    """The key of the recipe's step."""
    before: str
    """The part that changed, at most 2,000 characters."""
    after: str
    origin: Origin
