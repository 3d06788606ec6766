"""The lines of the JSONL files that engines hand to one another: pages, records, drops.

ingest writes `pages.jsonl` (Page); curate reads it and writes `records.jsonl` (Record) and
`dropped.jsonl` (DroppedRecord); train and evaluate read records; index reads pages.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from workers.contract.specs.base import Spec

PageKind = Literal["page", "sheet", "slide", "section"]
Split = Literal["train", "heldout"]


class Table(Spec):
    """A rectangle of cells; `rows[0]` is the header where the sheet has one."""

    cells: str
    """Range of the whole table as a spreadsheet writes it, for example `A1:C20`."""
    rows: tuple[tuple[str, ...], ...]


class Page(Spec):
    """One page, sheet, slide or section of a revision, as extracted and normalised."""

    kind: PageKind
    number: int = Field(ge=1)
    label: str | None = None
    """The sheet's or section's own name."""
    text: str
    tables: tuple[Table, ...] = ()


class Source(Spec):
    """Where a text came from, precise enough to open the original at the place."""

    document_id: str
    revision_id: str
    document_name: str
    kind: PageKind
    number: int = Field(ge=1)
    label: str | None = None
    cells: str | None = None
    """Cell range within a sheet, for example `A5:C5`."""


class TextRecord(Spec):
    """A unit of text for continued pre-training."""

    type: Literal["text"] = "text"
    id: str
    """sha256 (first 16 hex digits) of source and text: stable across versions."""
    text: str
    source: Source
    split: Split = "train"


class PairRecord(Spec):
    """A question with its answer for supervised training."""

    type: Literal["pair"] = "pair"
    id: str
    question: str
    answer: str
    accepted: tuple[str, ...] = ()
    """Short strings any of which makes an answer right; empty: judged by overlap with `answer`."""
    context: str = ""
    """The passage of the dataset that best supports the answer: the open book."""
    source: Source
    split: Split = "train"


class MessagesRecord(Spec):
    """A conversation from an uploaded JSONL file, in OpenAI's fine-tuning format."""

    type: Literal["messages"] = "messages"
    id: str
    messages: tuple[dict[str, str], ...]
    """`{"role": "system|user|assistant", "content": ...}`; loss on the assistant's turns only."""
    source: Source
    split: Split = "train"


AnyRecord = Annotated[TextRecord | PairRecord | MessagesRecord, Field(discriminator="type")]
RECORD = TypeAdapter[AnyRecord](AnyRecord)


class DroppedRecord(Spec):
    """What did not become a record, with the step that dropped it and why."""

    step: str
    """The recipe step's type, for example `boilerplate`."""
    reason: str
    """A stable word, for example `near_duplicate`; the console translates it."""
    detail: str = ""
    """For example the id of the record it repeats, or the measured value and the threshold."""
    text: str
    source: Source
