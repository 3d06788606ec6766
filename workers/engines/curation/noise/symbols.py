"""Text that is drawn rather than read: rules, boxes, rows of one mark; and text without a word."""

from __future__ import annotations

import re
from itertools import pairwise

# Box drawing, blocks, geometric shapes, dingbats, stars and hearts, emoji; the mark for a character that was lost.
_DRAWN = "\u2500-\u25ff\u2605-\u2667\u2700-\u27bf\u2b00-\u2bff\U0001f300-\U0001faff\ufffd"
_ORNAMENT = re.compile(rf"[{_DRAWN}]|([^\w\s])(?:[ ]?\1){{2,}}|_{{3,}}")
_LEADING_MARK = re.compile(rf"(?m)^\s*[{_DRAWN}] ?(?=\w)")
_CELL_BORDERS = re.compile(r"[\s|]+")
_WORD = re.compile(
    r"[^\W\d_]{2}|(?=[0-9]*[^\W\d_])[^\W_]+[-/.×][^\W_]{2}|[^\W\d_][0-9]{2}|[0-9][^\W\d_]|[0-9]×[0-9]|[¥$€£] ?[0-9]|[ぁ-んァ-ヶ一-龥](?: [ぁ-んァ-ヶ一-龥])*? [ぁ-ん](?: [ぁ-んァ-ヶ一-龥]){3}"
)
"""Two letters side by side, or letters and digits in one code (A-101, M8) or quantity (8時, 5m)."""
_REPEATED, _COUNTED, _COUNTED_SHARE = 4, 12, 0.6
_FORMULA = re.compile(r"[=≒≠≦≧<>→⇒]")


def ornament_share(text: str) -> float:
    """Of the characters that are no blanks: those that are drawn. A mark that begins a line (■ 注意) is read."""
    characters = len(_CELL_BORDERS.sub("", text))
    if not characters:
        return 1.0
    drawn = sum(len(match[0].replace(" ", "")) for match in _ORNAMENT.finditer(_LEADING_MARK.sub("", text)))
    return drawn / characters


def symbol_share(text: str) -> float:
    """Of the characters that are no blanks: those that are neither letter nor digit."""
    characters = _CELL_BORDERS.sub("", text)
    return 1 - sum(map(str.isalnum, characters)) / len(characters) if characters else 1.0


def has_no_word(text: str) -> bool:
    """Numbers and single letters alone: nobody can say what they count."""
    return not _WORD.search(text) and not _FORMULA.search(text)


_EMPTY_VALUE = re.compile(
    r"#(?:n/a|ref!|value!|div/0!|name\?|null!|num!|spill!|calc!|[#]+)|[¥$]?0(?:[.,]0+)?%?|nan|nat|null|none|true|false|-+|=[A-Z]+\(.*\)|1900[/-]0?1[/-]0?[0-9]|0:00(?::00)?|\(?空白\)?|\(?blank\)?|n/a",
    re.I,
)


def is_empty_values(text: str) -> bool:
    """Errors, zeros and blanks of a sheet, and hardly a heading beside them."""
    values = text.replace("|", " ").replace(",", " ").split()
    empty = sum(map(bool, map(_EMPTY_VALUE.fullmatch, values)))
    return len(values) >= _REPEATED and empty >= 0.8 * len(values)


_HIDDEN = re.compile("[○〇●×△▲□■xX*]{2,}")


def is_left_open(text: str) -> bool:
    """Mostly marks in the place of words that somebody was to fill in: ○○ ×× XXXX."""
    characters = len(_CELL_BORDERS.sub("", text))
    return sum(len(match[0]) for match in _HIDDEN.finditer(text)) > 0.5 * characters


def counts_on(text: str) -> bool:
    """Mostly values that only count (1 2 3, A B C), or one or two values again and again."""
    values = text.replace("|", " ").split()
    if len(values) >= _REPEATED and len(set(values)) <= 2:
        return True
    numbers = [int(value) if value.isdecimal() else ord(value) if len(value) == 1 else -1 for value in values]
    steps = sum(after - before == 1 for before, after in pairwise(numbers))
    return len(values) >= _COUNTED and steps >= _COUNTED_SHARE * (len(numbers) - 1)
