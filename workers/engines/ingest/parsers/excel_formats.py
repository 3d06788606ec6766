"""Values as Excel shows them: the number formats of a workbook, as a Japanese Excel reads them.

A format has up to four sections: for positive and negative numbers, zero and text. What is not known here
(fractions) gives None: then the stored value is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from workers.engines.ingest.parsers.excel_dates import DATE_TOKENS, date_text
from workers.engines.ingest.parsers.excel_numbers import NUMBER_TOKENS, number_text

GENERAL = "General"
_ERA = '[$-411]ggge"年"m"月"d"日"'
BUILT_IN = {
    0: GENERAL, 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: '"¥"#,##0;"¥"\\-#,##0', 6: '"¥"#,##0;"¥"\\-#,##0',
    7: '"¥"#,##0.00;"¥"\\-#,##0.00', 8: '"¥"#,##0.00;"¥"\\-#,##0.00', 9: "0%", 10: "0.00%", 11: "0.00E+00",
    12: "# ?/?", 13: "# ??/??", 14: "yyyy/m/d", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy/m/d h:mm", 27: "ge.m.d", 28: _ERA, 29: _ERA,
    30: "m/d/yy", 31: 'yyyy"年"m"月"d"日"', 32: 'h"時"mm"分"', 33: 'h"時"mm"分"ss"秒"', 34: 'yyyy"年"m"月"',
    35: 'm"月"d"日"', 36: "ge.m.d", 37: "#,##0;\\-#,##0", 38: "#,##0;\\-#,##0", 39: "#,##0.00;\\-#,##0.00",
    40: "#,##0.00;\\-#,##0.00", 41: '#,##0;\\-#,##0;"-"', 42: '"¥"#,##0;"¥"\\-#,##0;"¥""-"',
    43: '#,##0.00;\\-#,##0.00;"-"', 44: '"¥"#,##0.00;"¥"\\-#,##0.00;"¥""-"', 45: "mm:ss", 46: "[h]:mm:ss",
    47: "mm:ss.0", 48: "##0.0E+0", 49: "@", 50: "ge.m.d", 51: _ERA, 52: 'yyyy"年"m"月"', 53: 'm"月"d"日"', 54: _ERA,
    55: 'yyyy"年"m"月"', 56: 'm"月"d"日"', 57: "ge.m.d", 58: _ERA,
}  # fmt: skip
"""By number, those that a workbook need not write out."""
_LONGEST = 255
_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"?)|\\(?P<escaped>.)|_(?P<padding>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]"""
    r"""|(?P<general>General|G/標準)|(?P<half>AM/PM|A/P)|(?P<exponent>E[+-])"""
    r"""|(?P<date>y+|m+|d+|h+|s+|g+|e+|a{3,4}|r+)|(?P<number>[0#?.,%])|(?P<text>@)|(?P<semicolon>;)|(?P<literal>.)""",
    re.I | re.S,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)")
_ELAPSED = re.compile(r"h+|m+|s+", re.I)
_NO_CHANGE = re.compile(
    r"(?:dbnum[1-4]|black|blue|cyan|green|magenta|red|white|yellow|黒|青|水|緑|紫|赤|白|黄|(?:color|色) ?\d+)",
    re.I,
)
_CURRENCY = re.compile(r"\$([^-]*)(?:-(.*))?")
_KINDS = frozenset({"general", "half", "date", "elapsed", "exponent", "number", "text"})
_COMPARE = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b, "<>": lambda a, b: a != b,
}  # fmt: skip

Token = tuple[str, str]
"""What it is (`literal` or one of the kinds), and how it is written."""


@dataclass(frozen=True)
class Section:
    tokens: tuple[Token, ...]
    condition: tuple[str, float] | None = None
    is_japanese: bool = False
    """Says that it is Japanese: then morning and afternoon are written so."""
    counts_from_gannen: bool = False
    """The first year of an era is 元年."""
    is_known: bool = True

    def has(self, *kinds: str) -> bool:
        return any(kind in kinds for kind, _ in self.tokens)


def shown_number(value: float, code: str, *, is_1904: bool = False) -> str | None:
    """The number or date as the format shows it; None where the format is not known or does not fit."""
    section, amount = _section_for(value, sections_of(code))
    if not section.is_known:
        return None
    if section.has("date", "elapsed"):
        return date_text(value, section.tokens, section.is_japanese, section.counts_from_gannen, is_1904)
    if section.has("general"):
        return _literal(section, "general", general(amount))
    if section.has("text") and not section.has("number"):
        return _literal(section, "text", general(value))
    return number_text(amount, section.tokens)


def shown_text(text: str, code: str) -> str:
    """A text within what its format puts around it: `@"様"`."""
    sections = sections_of(code)
    section = sections[3] if len(sections) > 3 else sections[-1]
    if not section.is_known or not section.has("text") or section.has("number", "date"):
        return text
    return _literal(section, "text", text)


def general(value: float) -> str:
    """Without a format: up to 15 digits, no exponent for a whole number."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.15g}"


def _literal(section: Section, kind: str, text: str) -> str:
    return "".join(text if token == kind else written for token, written in section.tokens)


def _section_for(value: float, sections: tuple[Section, ...]) -> tuple[Section, float]:
    """The section for a number, and the number as it is written in it."""
    if any(section.condition for section in sections):
        for section in sections[:3]:
            if section.condition is None or _COMPARE[section.condition[0]](value, section.condition[1]):
                return section, value
        return sections[0], value
    numbers = sections[:3]
    if value < 0 and len(numbers) > 1:
        return numbers[1], -value
    return (numbers[2], value) if value == 0 and len(numbers) > 2 else (numbers[0], value)


@lru_cache(maxsize=1024)
def sections_of(code: str) -> tuple[Section, ...]:
    parts: list[list[re.Match[str]]] = [[]]
    for match in _TOKEN.finditer(code[:_LONGEST]):
        if match.lastgroup == "semicolon":
            parts.append([])
        else:
            parts[-1].append(match)
    return tuple(map(_section, parts[:4]))


def _section(matches: list[re.Match[str]]) -> Section:
    brackets = [match["bracket"] for match in matches if match["bracket"] is not None]
    tokens = tuple(_tokens(matches))
    conditions = (_CONDITION.fullmatch(bracket.strip()) for bracket in brackets)
    condition = next(((match[1], float(match[2])) for match in conditions if match), None)
    languages = [match[2] or "" for bracket in brackets if (match := _CURRENCY.fullmatch(bracket))]
    letters = any(kind == "unknown" for kind, _ in tokens)
    return Section(
        tokens=tokens,
        condition=condition,
        is_japanese=any(name.lower().endswith("411") or name.lower().startswith("ja") for name in languages),
        counts_from_gannen=any("gannen" in name.lower() for name in languages),
        is_known=not letters and _is_consistent(tokens),
    )


def _tokens(matches: list[re.Match[str]]) -> Iterator[Token]:
    for match in matches:
        kind, text = match.lastgroup or "literal", match[0]
        if kind == "quoted":
            yield "literal", text.strip('"')
        elif kind == "escaped":
            yield "literal", match["escaped"]
        elif kind == "padding":
            yield "literal", " "
        elif kind == "bracket":
            yield from _bracket(match["bracket"])
        elif kind == "literal" and text.isascii() and text.isalpha():
            yield "unknown", text
        elif kind != "fill":
            yield kind, text.lower() if kind == "date" else text


def _bracket(content: str) -> Iterator[Token]:
    """Elapsed time, the sign of a currency, or what is not read: colours, conditions, languages, other digits."""
    if _ELAPSED.fullmatch(content):
        yield "elapsed", content.lower()
    elif match := _CURRENCY.fullmatch(content):
        if match[1]:
            yield "literal", match[1]
    elif not _NO_CHANGE.fullmatch(content) and not _CONDITION.fullmatch(content.strip()):
        yield "unknown", content


def _is_consistent(tokens: tuple[Token, ...]) -> bool:
    """Whether the tokens make a number, a date or a text, and no fraction."""
    kinds = {kind for kind, _ in tokens} & _KINDS
    if kinds & {"date", "elapsed"}:
        return kinds <= DATE_TOKENS
    has_slash = ("literal", "/") in tokens
    return (kinds <= NUMBER_TOKENS and not (has_slash and "number" in kinds)) or kinds in (
        {"general"},
        {"text"},
    )
