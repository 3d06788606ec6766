"""The numbers that OpenDocument lists and headings count by themselves."""

from __future__ import annotations

import re
from typing import Any

from workers.engines.ingest.parsers.odf_parts import LIBRE_OFFICE, STYLE, TEXT, natural
from workers.engines.ingest.parsers.word_counters import written
from workers.engines.ingest.parsers.word_numbering import Level, Number, bullet_mark

LEVELS = 10
_FORMATS = {
    "1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman", "": "none",
    "01": "decimalZero", "1st": "ordinal",
    "一": "japaneseCounting", "壱": "japaneseLegal", "①": "decimalEnclosedCircle", "１": "decimal",
    "ア": "aiueo", "ｱ": "aiueo", "イ": "iroha", "ｲ": "iroha", "甲": "ideographTraditional", "子": "ideographZodiac",
}  # fmt: skip
"""By how a format begins: `一, 二, 三, ...`."""
_FOLLOWED_BY = {"listtab": "tab", "space": "space", "nothing": "nothing"}
_LEVEL_STYLES = (
    "list-level-style-number",
    "list-level-style-bullet",
    "list-level-style-image",
    "outline-level-style",
)


class ListStyles:
    """The list styles of a document and its outline, from the roots of its parts."""

    def __init__(self, roots: list[Any]) -> None:
        self._levels: dict[str | None, dict[int, Level]] = {}
        self.outline: dict[int, Level] = {}
        for root in roots:
            for style in () if root is None else root.iter(f"{TEXT}list-style", f"{TEXT}outline-style"):
                levels = dict(map(_level, style.iterchildren(*(f"{TEXT}{name}" for name in _LEVEL_STYLES))))
                if style.tag == f"{TEXT}outline-style":
                    self.outline = levels
                else:
                    self._levels[style.get(f"{STYLE}name")] = levels

    def levels(self, name: str | None) -> dict[int, Level]:
        return self._levels.get(name, {})


class Counting:
    """The counters of one list: those that continue it share them."""

    def __init__(self, levels: dict[int, Level]) -> None:
        self.levels = levels
        self._counters: list[int | None] = [None] * LEVELS

    def begin(self, depth: int) -> None:
        """A list of this depth that begins anew."""
        self._counters[depth:] = [None] * (LEVELS - depth)

    def count(self, depth: int, start: int | None) -> Number | None:
        """The number of the next item of this depth, from 0; `start` is what the item itself says."""
        level = self.levels.get(depth)
        if level is None or depth >= LEVELS:
            return None
        for above in range(depth):
            if self._counters[above] is None and above in self.levels:
                self._counters[above] = self.levels[above].start
        now = self._counters[depth]
        self._counters[depth] = start if start is not None else level.start if now is None else now + 1
        self.begin(depth + 1)
        return Number(self._label(depth), level)

    def _label(self, depth: int) -> str:
        level = self.levels[depth]
        if level.is_bullet:
            return bullet_mark(level.text)

        def number(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            shown, counted = self.levels.get(at), self._counters[at] if 0 <= at < LEVELS else None
            return "" if shown is None or counted is None else written(counted, shown.number_format)

        return re.sub(r"%(\d{1,2})%", number, level.text).strip()


def _level(element: Any) -> tuple[int, Level]:
    depth = natural(element.get(f"{TEXT}level"), 1, LEVELS) - 1
    alignment = next(element.iter(f"{STYLE}list-level-label-alignment"), None)
    followed_by = None if alignment is None else alignment.get(f"{TEXT}label-followed-by")
    suffix = _FOLLOWED_BY.get(followed_by or "", "tab")
    if element.tag not in (f"{TEXT}list-level-style-number", f"{TEXT}outline-level-style"):
        return depth, Level(number_format="bullet", text=element.get(f"{TEXT}bullet-char", ""), suffix=suffix)
    number_format = element.get(f"{STYLE}num-format", "")
    return depth, Level(
        start=natural(element.get(f"{TEXT}start-value"), 1),
        number_format=_FORMATS.get(number_format.split(",")[0].strip(), "decimal"),
        text=_pattern(element, depth) if number_format else "",
        suffix=suffix,
    )


def _pattern(element: Any, depth: int) -> str:
    """`第%1%条`: where LibreOffice does not say it, prefix and suffix around the numbers of the levels that are shown."""
    stated = element.get(f"{LIBRE_OFFICE}num-list-format")
    if stated is not None:
        return str(stated)
    shown = natural(element.get(f"{TEXT}display-levels"), 1, depth + 1)
    numbers = ".".join(f"%{level + 1}%" for level in range(depth + 1 - shown, depth + 1))
    return f"{element.get(f'{STYLE}num-prefix', '')}{numbers}{element.get(f'{STYLE}num-suffix', '')}"
