"""Passages that are rows of a table, and which row of it a question is about.

A row's passage has a line for each cell, after the name of its column: `職位: 部長`. Its key is the value of the first.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from workers.contract.specs.serving import SearchHit

_NAMED = re.compile(r"(?P<column>[^:：\n]{1,40})[:：] (?P<value>.*)")
_PARTS = re.compile(r"[・、/]")
_PLACEHOLDER = re.compile(r"[\d\W_]*")
_QUESTION_COLUMN = re.compile(r"(?i)(?:ご?質問(?:内容|文)?|問い?|設問|q|questions?)")
LONGEST_KEY = 40

Place = tuple[str, str, int, str]
"""Of the rows of one table: the document, its revision, the page, the name of the first column."""


class AskedRows:
    """The rows that a question is about, for every table of which it names one key and not several."""

    def __init__(self, question: str, passages: Sequence[SearchHit]) -> None:
        tables: defaultdict[Place, set[str]] = defaultdict(set)
        for hit in passages:
            if (key := _key(hit)) is not None:
                tables[_place(hit)].add(key)
        self._keys = {place: keys for place, keys in tables.items() if len(keys) > 1}
        named = {place: _named_keys(question, keys) for place, keys in self._keys.items()}
        self._asked = {place: next(iter(keys)) for place, keys in named.items() if len(keys) == 1}

    def __bool__(self) -> bool:
        return bool(self._asked)

    def text_about(self, hit: SearchHit) -> str:
        """What of a passage may be about the asked row: nothing of another row of its table."""
        if hit.source.cells is not None:
            asked = self._asked.get(_place(hit))
            return hit.text if asked is None or _key(hit) in (None, asked) else ""
        # The text of a page in Word repeats the rows of its tables.
        tables = [place for place in self._asked if place[:3] == _place(hit)[:3]]
        lines = hit.text.splitlines(keepends=True)
        return "".join(
            line for line in lines if not any(self._is_of_another(line, place) for place in tables)
        )

    def names_another(self, sentence: str) -> bool:
        """Whether a sentence names rows of a table, and the asked one is not among them."""
        return any(self._is_of_another(sentence, place) for place in self._asked)

    def _is_of_another(self, text: str, place: Place) -> bool:
        named = _named_keys(text, self._keys[place])
        return bool(named) and self._asked[place] not in named


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


def _key(hit: SearchHit) -> str | None:
    """None for what is no row, and where the first cell is a question or too long for a name."""
    first = hit.text.partition("\n")[0]
    if hit.source.cells is None or _is_question(first):
        return None
    named = _NAMED.match(first)
    key = _normalized(named["value"] if named else first).strip()
    return key if key and len(key) <= LONGEST_KEY else None


def _named_keys(text: str, keys: Iterable[str]) -> set[str]:
    """The keys that stand in `text`, whole or in part; 課長 does not stand in 課長代理 where that is a key, too."""
    text = _normalized(text)
    found = [
        (*match.span(), key)
        for key in keys
        for part in {key, *map(str.strip, _PARTS.split(key))}
        if (pattern := _pattern(part))
        for match in pattern.finditer(text)
    ]
    return {
        key
        for start, end, key in found
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
