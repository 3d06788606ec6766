"""Find personal data in texts, tables and pages: where each find stands, and of which kind it is.

Expects normalised text (half-width digits). In doubtful cases nothing is found, so that product codes stay as they are:
a number with a check digit is found only if that digit is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from workers.contract.personal_data import (
    PERSONAL_KINDS,
    TOKENS,
    Cell,
    PersonalData,
    PersonalDataKind,
    PersonalSpan,
    merged,
)
from workers.contract.records import Page, Table
from workers.engines.shared.personal import numbers
from workers.engines.shared.personal.accounts import accounts
from workers.engines.shared.personal.addresses import addresses
from workers.engines.shared.personal.columns import contexts, is_address_title, name_cells
from workers.engines.shared.personal.credentials import secrets
from workers.engines.shared.personal.dates import births, births_after_names
from workers.engines.shared.personal.mailboxes import emails, function_mailboxes
from workers.engines.shared.personal.names import names
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.people import people
from workers.engines.shared.personal.text_tables import tables_in
from workers.engines.shared.text import CELL_SEPARATOR, row_text

LONGEST_PIECE = 100_000
"""Characters."""
KINDS = PERSONAL_KINDS


def find(
    text: str, kinds: Sequence[PersonalDataKind] = KINDS, keep_domains: Sequence[str] = ()
) -> list[PersonalSpan]:
    """The finds of these kinds in their order; e-mail addresses of `keep_domains` are none."""
    kept = {name.lower().removeprefix("@") for name in keep_domains}
    found = []
    for start, piece in _pieces(text):
        spans = merged([*_find_in_piece(piece, kinds, kept), *_in_tables_of_text(piece, kinds, keep_domains)])
        found += [
            span.model_copy(update={"start": span.start + start, "end": span.end + start}) for span in spans
        ]
    return found


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Where each begins, and the piece. A regular expression lets no other thread run, and with it no heartbeat, until
    it has read its text, so a long text is read in pieces, from line to line where it has lines."""
    start = 0
    while len(text) - start > LONGEST_PIECE:
        limit = start + LONGEST_PIECE
        ends = (text.rfind(mark, start + LONGEST_PIECE // 2, limit) + 1 for mark in "\n。 ")
        end = next(filter(None, ends), limit)
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def _find_in_piece(text: str, kinds: Sequence[PersonalDataKind], kept: set[str]) -> list[PersonalSpan]:
    marked = _MarkedText(text)
    needed = {*kinds, *(("name",) if _BESIDE_NAMES.intersection(kinds) else ())}
    for kind, places in _RULES:
        if kind in needed:
            marked.mark(kind, places)
        if kind == "secret" and "email" in kinds:
            marked.mark("email", lambda text: emails(text, kept))
        if kind == "secret" and "mailbox" in kinds:
            marked.mark("mailbox", lambda text: function_mailboxes(text, kept))
    return merged(span for span in marked.spans if span.kind in kinds)


def _in_tables_of_text(
    text: str, kinds: Sequence[PersonalDataKind], keep_domains: Sequence[str]
) -> Iterator[PersonalSpan]:
    for rows, places in tables_in(text) if "\n" in text else ():
        table = Table(cells="A1", rows=tuple(map(tuple, rows)))
        for (row, column), spans in find_in_table(table, kinds, keep_domains).items():
            yield from _moved(spans, places[row][column])


_RULES: tuple[tuple[PersonalDataKind, Callable[[str], Iterable[Place]]], ...] = (
    ("secret", secrets),
    ("credit_card", numbers.cards),
    ("my_number", numbers.my_numbers),
    ("corporate_number", numbers.corporate_numbers),
    ("phone", numbers.phones),
    ("bank_account", accounts),
    ("birth_date", births),
    ("postal_address", addresses),
    ("name", lambda text: [*names(text), *people(text)]),
    ("birth_date", births_after_names),
    ("my_number", numbers.my_numbers_after_names),
)
"""In this order: a card number must not be taken for two telephone numbers. Mail addresses come after secrets."""
_BESIDE_NAMES: frozenset[PersonalDataKind] = frozenset({"birth_date", "my_number"})


class _MarkedText:
    """A text with tokens in place of what has been found, which the next rule reads; and the finds' places before."""

    def __init__(self, text: str) -> None:
        self.spans: list[PersonalSpan] = []
        self._text = text
        self._places: Sequence[int] = range(len(text) + 1)
        """Where each character, and the end, was in the text before."""

    def mark(self, kind: PersonalDataKind, find_places: Callable[[str], Iterable[Place]]) -> None:
        found = _apart(find_places(self._text))
        if not found:
            return
        token, parts, places, position = TOKENS[kind], [], [], 0
        for start, end in found:
            parts += [self._text[position:start], token]
            places += [*self._places[position:start], *[self._places[start]] * len(token)]
            self.spans.append(PersonalSpan(kind=kind, start=self._places[start], end=self._places[end]))
            position = end
        self._text = "".join([*parts, self._text[position:]])
        self._places = [*places, *self._places[position:]]


def _apart(places: Iterable[Place]) -> list[Place]:
    """In their order; what overlaps is one."""
    found: list[Place] = []
    for start, end in sorted(places):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


# -- tables ---------------------------------------------------------------------------------
def find_in_table(
    table: Table, kinds: Sequence[PersonalDataKind] = KINDS, keep_domains: Sequence[str] = ()
) -> dict[tuple[int, int], list[PersonalSpan]]:
    """The finds in each cell that has some, by row and column. A cell that is a name is one as a whole."""
    whole = name_cells(table.rows) if "name" in kinds else set()
    titles = {(row, column): title for row, column, title in contexts(table.rows)}
    found = {}
    for row, cells in enumerate(table.rows):
        for column, cell in enumerate(cells):
            if (row, column) in whole:
                found[row, column] = [PersonalSpan(kind="name", start=0, end=len(cell))]
            elif spans := _in_cell(cell, titles.get((row, column), ""), kinds, keep_domains):
                found[row, column] = spans
    return found


# In a column for addresses a town is enough.
_ADDRESS = re.compile(r"[都道府県市区郡町村].|[0-9](?:丁目|番|-[0-9])|〒")


def _in_cell(
    cell: str, title: str, kinds: Sequence[PersonalDataKind], keep_domains: Sequence[str]
) -> list[PersonalSpan]:
    """The finds of a cell that is read after the title of its column or field."""
    if not title:
        return find(cell, kinds, keep_domains)
    if is_address_title(title) and "postal_address" in kinds and _ADDRESS.search(cell):
        return [PersonalSpan(kind="postal_address", start=0, end=len(cell))]
    before = len(title) + 2
    spans = find(f"{title}: {cell}", kinds, keep_domains)
    return [part for span in spans if (part := span.within(before, before + len(cell), 0))]


# -- pages ----------------------------------------------------------------------------------
def find_on_page(page: Page) -> Iterator[PersonalData]:
    """The finds in the cells of its tables, then those in its text, whose lines of rows have the finds of the cells."""
    lines: dict[str, list[PersonalSpan]] = {}
    for number, table in enumerate(page.tables):
        found = find_in_table(table)
        for (row, column), spans in found.items():
            cell = Cell(table=number, row=row, column=column)
            yield from (PersonalData(page=page.number, cell=cell, span=span) for span in spans)
        for row, cells in enumerate(table.rows):
            in_row = {column: found[row, column] for column in range(len(cells)) if (row, column) in found}
            lines.setdefault(row_text(cells), []).extend(_in_row_text(cells, in_row))
    in_text = list(_in_page_text(page.text, lines))
    told = {page.text[span.start : span.end]: span.kind for span in in_text}
    for number, heading in enumerate(page.headings):
        spans = find_in_title(heading.text, told)
        yield from (PersonalData(page=page.number, heading=number, span=span) for span in spans)
    for span in find_in_title(page.label or "", told):
        yield PersonalData(page=page.number, is_in_label=True, span=span)
    yield from (PersonalData(page=page.number, span=span) for span in in_text)


_SHORTEST_NUMBER = 4
"""Digits. A shorter number is one of a page as well."""


def find_in_title(
    text: str,
    told: Mapping[str, PersonalDataKind],
    kinds: Sequence[PersonalDataKind] = KINDS,
    keep_domains: Sequence[str] = (),
) -> list[PersonalSpan]:
    """The finds in a title, heading or label, and in it what was found in the text below it (`told`): a title is too short to
    say why a word is a name."""
    spans = find(text, kinds, keep_domains) if text else []
    for value, kind in told.items():
        if value in text and len(value) >= (_SHORTEST_NUMBER if value.isdecimal() else 2):
            places = (match.span() for match in re.finditer(re.escape(value), text))
            spans += (PersonalSpan(kind=kind, start=start, end=end) for start, end in places)
    return merged(spans)


def _in_row_text(cells: Sequence[str], found: Mapping[int, Sequence[PersonalSpan]]) -> Iterator[PersonalSpan]:
    """The finds of a row's cells as spans of `row_text(cells)`."""
    if not found:
        return
    joined, line = CELL_SEPARATOR.join(cells), row_text(tuple(cells))
    places = _places_of_words(joined)
    left = " ".join(joined.split()).find(line)
    begin = 0
    for column, cell in enumerate(cells):
        for span in found.get(column, ()):
            text = joined[begin + span.start : begin + span.end]
            first = begin + span.end - len(text.lstrip())
            last = first + len(text.strip()) - 1
            moved = PersonalSpan(kind=span.kind, start=places[first], end=places[last] + 1)
            if part := moved.within(left, left + len(line), 0):
                yield part
        begin += len(cell) + len(CELL_SEPARATOR)


def _places_of_words(text: str) -> dict[int, int]:
    """Where each character that is no blank stands in `" ".join(text.split())`."""
    places: dict[int, int] = {}
    length = 0
    for word in re.finditer(r"\S+", text):
        places |= {word.start() + index: length + index for index in range(len(word[0]))}
        length += len(word[0]) + 1
    return places


def _in_page_text(text: str, lines: Mapping[str, Sequence[PersonalSpan]]) -> Iterator[PersonalSpan]:
    """`lines`: the finds in each line that is a row of a table. Between two tables the text is read as a whole."""
    position = 0
    for is_row, group in groupby(text.split("\n"), key=lambda line: line in lines and line != ""):
        run = list(group)
        if is_row:
            for line in run:
                yield from _moved(merged(lines[line]), position)
                position += len(line) + 1
            continue
        whole = "\n".join(run)
        body = whole.strip("\n")
        yield from _moved(find(body), position + whole.find(body))
        position += len(whole) + 1


def _moved(spans: Sequence[PersonalSpan], by: int) -> Iterator[PersonalSpan]:
    return (PersonalSpan(kind=span.kind, start=span.start + by, end=span.end + by) for span in spans)
