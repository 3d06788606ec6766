"""Names in Latin letters: who signs, who attends, who stands beside a mail address, and what reads as Japanese."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.name_parts import IDEOGRAPHS, overlapping
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.shapes import ROMAN_NAME, ROMAN_WORD, is_japanese_word, is_roman_name

_KANJI = f"[{IDEOGRAPHS}]"
_ROMAN_BESIDE = re.compile(
    rf"(?<![\w@.-])(?P<name>{ROMAN_NAME})(?= ?(?:/ (?={_KANJI})|[|,(<] ?〔メール|マイナンバー|個人番号|〔))|(?<=[、,] )(?P<listed>{ROMAN_NAME})(?=の[二三四五]名)"
)
_INITIAL = re.compile(r"(?<![A-Za-z0-9@._-])[A-Z]\. ?(?P<family>[A-Z][a-z]{2,14})(?![a-z@])")
_JAPANESE_PAIR = re.compile(
    r"(?<![A-Za-z0-9@._/-])(?P<first>[A-Z][a-z]{2,11}|[A-Z]{3,11}) (?P<second>[A-Z][a-z]{2,11}|[A-Z]{3,11})(?![A-Za-z0-9@._/-])"
)
_BY = re.compile(
    r"(?:\(by |@author |TODO\(|\bby: ?|担当[: ]|Author: ?|Assignee: ?)(?P<name>[A-Z][a-z]{2,12})(?=[),\s]|$)"
)
_SIGNED = re.compile(
    rf"^(?P<name>{ROMAN_WORD}(?: {ROMAN_WORD})?)(?=,[^\n〔]{{0,60}}〔メール|, [A-Z][^\n]{{2,50}}, [a-z.]+@)",
    re.M,
)
_CLOSED = re.compile(
    rf"(?:[Rr]egards|[Ss]incerely|[Tt]hanks|[Cc]heers|[Bb]est),?\n(?P<name>{ROMAN_WORD}(?: {ROMAN_WORD}){{0,2}})(?=\n|$|,)"
)
_ATTENDING = re.compile(
    r"(?:参加|出席|欠席|担当|[Aa]ttendees|[Pp]articipants|[Mm]embers)(?:者)?\**[: ]{1,3}(?P<names>[A-Z][a-z]{2,12}(?:[,、/・] ?[A-Z][a-z]{2,12}){1,20})"
)
_WORDS = re.compile("[A-Z][a-z]{2,12}")


def in_latin_letters(text: str) -> Iterator[Place]:
    yield from (match.span() for match in _INITIAL.finditer(text) if is_japanese_word(match["family"]))
    for match in overlapping(_JAPANESE_PAIR, text, "second"):
        first, second = match["first"], match["second"]
        if (
            is_roman_name(match[0])
            and is_japanese_word(first)
            and is_japanese_word(second)
            and len(first + second) > 7
        ):
            yield match.span()
    for pattern in (_BY, _SIGNED, _CLOSED):
        for match in pattern.finditer(text):
            name = match["name"]
            if is_roman_name(name) and (" " in name or (is_japanese_word(name) and not name.isupper())):
                yield match.span("name")
    for match in _ROMAN_BESIDE.finditer(text):
        group = "name" if match["name"] else "listed"
        if is_roman_name(match[group]):
            yield match.span(group)
    for match in _ATTENDING.finditer(text):
        yield from (word.span() for word in _WORDS.finditer(text, *match.span("names")))
