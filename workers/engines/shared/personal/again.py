"""Names that are found again in the same text, where less is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from workers.engines.shared.personal.name_parts import BEFORE_NAME, IDEOGRAPHS, POSTS_AFTER
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.words import kinds

_LETTER = f"[{IDEOGRAPHS}ァ-ヶーA-Za-z]"
_KANA_CALLED = re.compile("(?<![ぁ-ん])[ぁ-ん]{2,6}?(?=さん|くん|ちゃん|様|[ :がはもにの(])")
_OF_PLACE = re.compile("に|の(?:[支本]?店|工場|会議|件|[街町駅方港]|本社|拠点|事務|営業)")


def again(text: str, found: Iterable[Place]) -> Iterator[Place]:
    """The parts of names that are found, wherever they stand apart from other words."""
    found = list(found)
    kana = {
        part
        for start, end in found
        for part in text[start:end].split(" ")
        if re.fullmatch("[ぁ-ん]{2,6}", part)
    }
    for match in _KANA_CALLED.finditer(text) if kana else ():
        if match[0] in kana:
            yield match.span()
    yield from _again_in_latin(text, found)
    parts = {
        part for start, end in found for part in re.split("[ ・]", text[start:end]) if _may_stand_alone(part)
    }
    for start, end in _places_of(parts, text):
        if _stands_apart(text, start, end):
            yield start, end


_LATIN_PART = re.compile("[A-Z][a-z]{3,14}")


def _again_in_latin(text: str, found: list[Place]) -> Iterator[Place]:
    parts = {part for start, end in found for part in _LATIN_PART.findall(text[start:end])}
    for match in _LATIN_WORD.finditer(text) if parts else ():
        if match[0] in parts:
            yield match.span()


_LATIN_WORD = re.compile(r"(?<![A-Za-z@._/-])[A-Z][a-z]{3,14}(?![A-Za-z@_/-]|\.[A-Za-z])")


def _may_stand_alone(part: str) -> bool:
    if re.match("[ァ-ヶー]", part):
        return len(part) > 1 and not (kinds(part).common or kinds(part).place)
    return re.match(f"[{IDEOGRAPHS}]", part) is not None


def _places_of(parts: set[str], text: str) -> Iterator[Place]:
    """Where one of the parts begins, the longest of them; in time that does not grow with their number."""
    if not parts:
        return
    lengths = sorted(set(map(len, parts)), reverse=True)
    firsts = re.compile(f"[{''.join({re.escape(part[0]) for part in parts})}]")
    end = 0
    for match in firsts.finditer(text):
        start = match.start()
        length = next(
            (
                length
                for length in lengths
                if start + length <= len(text) and text[start : start + length] in parts
            ),
            0,
        )
        if length and start >= end:
            end = start + length
            yield start, end


_COMPANY_BEFORE = re.compile(r"(?:会社|法人|\([株有]\)|㈱|㈲) ?$")


def _stands_apart(text: str, start: int, end: int) -> bool:
    """No part of a longer word, and no place that is spoken of."""
    if _COMPANY_BEFORE.search(text[max(0, start - 4) : start]):
        return False
    name, before, after = text[start:end], text[start - 1 : start] if start else "", text[end : end + 3]
    is_titled = POSTS_AFTER.match(text, end) is not None
    if re.match(_LETTER, before) and not BEFORE_NAME.search(text[max(0, start - 4) : start]):
        return False
    if is_titled:
        return True
    if re.match(_LETTER, after):
        return False
    of_name = kinds(name)
    if len(name) == 1 and (
        not re.match(r"[がはをにと、。)」>:]|の(?!山|上|中|写真)", after)
        or re.match("[0-9一二三四五六七八九十]", before + name)
    ):
        return False
    if of_name.place and _OF_PLACE.match(text, end):
        return False
    return (
        not (of_name.place or of_name.common)
        or re.match(r"[がはをとのにも、。)」>:\n]|より|です|$", after) is not None
    )
