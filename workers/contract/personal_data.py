"""Personal data in the text of a revision: where it stands, and the text with tokens in its place.

Ingest writes `personal_data.jsonl` (PersonalData) beside the pages. Indexes hold their text as it was read, with the
spans that fall into each passage; `masked` is applied where text leaves an index or a page is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

from pydantic import Field

from workers.contract.blocks import Block
from workers.contract.records import Page, Table
from workers.contract.spec import Spec, TextRange

PERSONAL_DATA_FILE = "personal_data.jsonl"

PersonalDataKind = Literal[
    "email",
    "phone",
    "my_number",
    "corporate_number",
    "credit_card",
    "bank_account",
    "birth_date",
    "postal_address",
    "name",
    "secret",
    "employee_number",
    "listed",
    "mailbox",
]
PERSONAL_KINDS: tuple[PersonalDataKind, ...] = tuple(
    kind for kind in get_args(PersonalDataKind) if kind != "mailbox"
)
"""All but the mailboxes of a function (info@, soumu@): they are nobody's, and stay unless they are asked for."""
PSEUDONYM_KEY_VARIABLE = "KOSHA_PSEUDONYM_KEY"
"""In the environment of an engine that needs it: the key of its organization's pseudonyms, never written down."""
PersonalDataMode = Literal["raw", "masked"]
"""Whether a text is as it was read, or has tokens in place of personal data."""

TOKENS: dict[PersonalDataKind, str] = {
    "email": "〔メールアドレス〕",
    "phone": "〔電話番号〕",
    "my_number": "〔マイナンバー〕",
    "corporate_number": "〔法人番号〕",
    "credit_card": "〔カード番号〕",
    "bank_account": "〔口座番号〕",
    "birth_date": "〔生年月日〕",
    "postal_address": "〔住所〕",
    "name": "〔氏名〕",
    "secret": "〔秘密〕",
    "employee_number": "〔社員番号〕",
    "listed": "〔非開示〕",
    "mailbox": "〔共用アドレス〕",
}


class PersonalSpan(TextRange):
    """Characters of a text that are personal data."""

    kind: PersonalDataKind

    def within(self, start: int, end: int, at: int) -> PersonalSpan | None:
        """The part of it between `start` and `end`, as a span of a text that has these characters from `at` on."""
        first, last = max(self.start, start), min(self.end, end)
        if last <= first:
            return None
        return PersonalSpan(kind=self.kind, start=first - start + at, end=last - start + at)


class Cell(Spec):
    """A cell of a page's table; all of its numbers count from 0."""

    table: int = Field(ge=0)
    row: int = Field(ge=0)
    column: int = Field(ge=0)


class PersonalData(Spec):
    """One find. What stands in a cell of a table is found there and in the page's text, which repeats its rows."""

    page: int = Field(ge=1)
    """The page's number."""
    cell: Cell | None = None
    heading: int | None = Field(default=None, ge=0)
    """Which of the headings above the page."""
    is_in_label: bool = False
    """In the page's label. Nothing of these: in the page's text."""
    span: PersonalSpan

    @property
    def is_in_text(self) -> bool:
        return self.cell is None and self.heading is None and not self.is_in_label


class PageFinds:
    """The finds of one page, by the text that they stand in."""

    def __init__(self) -> None:
        self.text: list[PersonalSpan] = []
        self.label: list[PersonalSpan] = []
        self.headings: defaultdict[int, list[PersonalSpan]] = defaultdict(list)
        self._cells: defaultdict[int, dict[tuple[int, int], list[PersonalSpan]]] = defaultdict(dict)

    def add(self, find: PersonalData) -> None:
        if find.cell is not None:
            place = (find.cell.row, find.cell.column)
            self._cells[find.cell.table].setdefault(place, []).append(find.span)
        elif find.heading is not None:
            self.headings[find.heading].append(find.span)
        elif find.is_in_label:
            self.label.append(find.span)
        else:
            self.text.append(find.span)

    def cells(self, table: int) -> Mapping[tuple[int, int], Sequence[PersonalSpan]]:
        """By row and column."""
        return self._cells.get(table, {})


def by_page(finds: Iterable[PersonalData]) -> dict[int, PageFinds]:
    found: defaultdict[int, PageFinds] = defaultdict(PageFinds)
    for find in finds:
        found[find.page].add(find)
    return dict(found)


def read_finds(lines: Iterable[str]) -> Iterator[PersonalData]:
    """The lines of `personal_data.jsonl`."""
    return (PersonalData.model_validate_json(line) for line in lines if line.strip())


def merged(spans: Iterable[PersonalSpan]) -> list[PersonalSpan]:
    """In their order and without overlaps: what overlaps is one span of the kind of the first."""
    found: list[PersonalSpan] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if found and span.start < found[-1].end:
            last = found.pop()
            span = last.model_copy(update={"end": max(last.end, span.end)})
        found.append(span)
    return found


Replacement = Callable[[PersonalDataKind, str], str]
"""What stands in the place of a text of a kind."""


def token_of(kind: PersonalDataKind, text: str) -> str:
    return TOKENS[kind]


def masked(text: str, spans: Iterable[PersonalSpan], replacement: Replacement = token_of) -> str:
    """`text` with the token of its kind, or another replacement, in place of each span."""
    parts: list[str] = []
    position = 0
    for span in merged(spans):
        parts += [text[position : span.start], replacement(span.kind, text[span.start : span.end])]
        position = span.end
    return "".join([*parts, text[position:]])


def masked_table(
    table: Table,
    cells: Mapping[tuple[int, int], Sequence[PersonalSpan]],
    replacement: Replacement = token_of,
) -> Table:
    rows = tuple(
        tuple(masked(text, cells.get((row, column), ()), replacement) for column, text in enumerate(texts))
        for row, texts in enumerate(table.rows)
    )
    return table.model_copy(update={"rows": rows})


def masked_blocks(blocks: Iterable[Block], spans: Iterable[PersonalSpan]) -> Iterator[Block]:
    """The blocks of a text as blocks of its masked form. One that is only the end of personal data is left out."""
    found = merged(spans)
    for block in blocks:
        start, end = (_masked_position(position, found) for position in (block.start, block.end))
        if end > start:
            yield block.model_copy(update={"start": start, "end": end})


def _masked_position(position: int, spans: Iterable[PersonalSpan]) -> int:
    """Inside personal data: the end of its token."""
    moved = position
    for span in spans:
        if span.start >= position:
            break
        moved += len(TOKENS[span.kind]) - (min(span.end, position) - span.start)
    return moved


def masked_label(page: Page, finds: PageFinds) -> str | None:
    return None if page.label is None else masked(page.label, finds.label)


def masked_page(page: Page, finds: PageFinds) -> Page:
    changed = {
        "label": masked_label(page, finds),
        "text": masked(page.text, finds.text),
        "tables": tuple(masked_table(table, finds.cells(number)) for number, table in enumerate(page.tables)),
        "headings": tuple(
            heading.model_copy(update={"text": masked(heading.text, finds.headings.get(number, ()))})
            for number, heading in enumerate(page.headings)
        ),
        "blocks": tuple(masked_blocks(page.blocks, finds.text)),
    }
    return page.model_copy(update=changed)
