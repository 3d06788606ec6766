"""Passages that are rows of a table, and which rows of it a question is about.

A row's passage has a line for each cell, after the name of its column: `職位: 部長`. Its key is the value of the first.
A question may name a row by any of its cells: a person in a list that begins with numbers of staff.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from workers.contract.specs.serving import SearchHit

_NAMED = re.compile(r"(?P<column>[^:：\n]{1,40})[:：] (?P<value>.*)")
_PARTS = re.compile(r"[・、/]")
_PLACEHOLDER = re.compile(r"[\d\W_]*")
_QUESTION_COLUMN = re.compile(r"(?i)(?:ご?質問(?:内容|文)?|問い?|設問|q|questions?)")
LONGEST_KEY = 40
_ANYWHERE = frozenset(["必要", "不要", "可能", "不可", "あり", "なし", "はい", "いいえ", "yes", "no"])
"""Values of cells that stand in many questions and name no row."""

Place = tuple[str, str, int, str]
"""Of the rows of one table: the document, its revision, the page, the name of the first column."""


class _Row(NamedTuple):
    key: str
    values: frozenset[str]
    """Of its cells, the key among them."""


class AskedRows:
    """The rows that a question is about: of each table, those with the most cells that the question names."""

    def __init__(self, question: str, passages: Sequence[SearchHit]) -> None:
        tables: defaultdict[Place, list[_Row]] = defaultdict(list)
        for hit in passages:
            if (row := _row(hit)) is not None:
                tables[_place(hit)].append(row)
        self._asked: dict[Place, list[_Row]] = {}
        self._keys: dict[Place, set[str]] = {}
        for place, rows in tables.items():
            named = _named_values(question, frozenset[str]().union(*(row.values for row in rows))) - _ANYWHERE
            most = max(len(named & row.values) for row in rows)
            asked = [row for row in rows if len(named & row.values) == most]
            if len(asked) < len(rows):
                self._asked[place], self._keys[place] = asked, {row.key for row in rows}

    def __bool__(self) -> bool:
        return bool(self._asked)

    def text_about(self, hit: SearchHit) -> str:
        """What of a passage may be about the asked rows: nothing of another row of their table."""
        if hit.source.cells is not None:
            asked, row = self._asked.get(_place(hit)), _row(hit)
            return hit.text if asked is None or row is None or row in asked else ""
        # The text of a page in Word repeats the rows of its tables.
        tables = [place for place in self._asked if place[:3] == _place(hit)[:3]]
        lines = hit.text.splitlines(keepends=True)
        return "".join(
            line for line in lines if not any(self._is_of_another(line, place) for place in tables)
        )

    def names_another(self, sentence: str) -> bool:
        """Whether a sentence names rows of a table, and none of the asked ones is among them."""
        return any(self._is_of_another(sentence, place) for place in self._asked)

    def _is_of_another(self, text: str, place: Place) -> bool:
        named = _named_values(text, self._keys[place])
        return bool(named) and named.isdisjoint(row.key for row in self._asked[place])


def quote_of_row(text: str, sentence: str) -> str:
    """From the row's first cell to the end of `sentence`; without the cells up to one that is a question."""
    end = text.find(sentence) + len(sentence)
    start = position = 0
    for line in text[:end].splitlines(keepends=True):
        position += len(line)
        if _is_question(line) and position < end:
            start = position
    return text[start:end].strip()


def _is_question(cell: str) -> bool:
    named = _NAMED.match(cell)
    return cell.strip()[-1:] in ("?", "？") or bool(
        named and _QUESTION_COLUMN.fullmatch(named["column"].strip())
    )


def _place(hit: SearchHit) -> Place:
    named = _NAMED.match(hit.text) if hit.source.cells is not None else None
    source = hit.source
    return source.document_id, source.revision_id, source.number, named["column"] if named else ""


def _row(hit: SearchHit) -> _Row | None:
    """None for what is no row, and where the first cell is a question or too long for a name."""
    first, *others = hit.text.split("\n")
    if hit.source.cells is None or _is_question(first):
        return None
    key = _value(first)
    if not key or len(key) > LONGEST_KEY:
        return None
    return _Row(key, frozenset([key, *filter(_is_name, map(_value, others))]))


def _value(cell: str) -> str:
    named = _NAMED.match(cell)
    return _normalized(named["value"] if named else cell).strip()


def _is_name(value: str) -> bool:
    return 0 < len(value) <= LONGEST_KEY


def _named_values(text: str, values: Iterable[str]) -> set[str]:
    """The values that stand in `text`, whole or in part; 課長 does not stand in 課長代理 where that is one, too."""
    text = _normalized(text)
    found = [
        (*match.span(), value)
        for value in values
        for part in {value, *map(str.strip, _PARTS.split(value))}
        if (pattern := _pattern(part))
        for match in pattern.finditer(text)
    ]
    return {
        value
        for start, end, value in found
        if not any(
            first <= start and end <= last and last - first > end - start for first, last, _other in found
        )
    }


def _pattern(part: str) -> re.Pattern[str] | None:
    """None for a number or a single letter, which stand in texts that do not mean the row."""
    if len(part) < 2 or _PLACEHOLDER.fullmatch(part):
        return None
    before = r"(?<![a-z0-9])" if part[0].isascii() and part[0].isalnum() else ""
    after = r"(?![a-z0-9])" if part[-1].isascii() and part[-1].isalnum() else ""
    return re.compile(before + re.escape(part) + after)


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
