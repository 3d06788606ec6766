"""The numbers and codes that a text states, in one form however they are written.

`3,000円`, `三千円` and `３千円` state the same; so do `KP-220` and `ｋｐ２２０`. An answer is checked against its passage
by them, and against the expected answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import NamedTuple


class Fact(NamedTuple):
    value: str
    unit: str
    """Empty for a bare number; `code` for a code, whose value it is."""


CODE = "code"
_CODE = re.compile(r"[a-z]+(?:[-_]?[a-z0-9]+|(?<=\d)\.(?=\d))*")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
_DIGITS = {character: number for number, character in enumerate("〇一二三四五六七八九")}
_SMALL = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "億": 10**8}
_NUMERALS = "".join([*_DIGITS, *_SMALL, *_LARGE])
_NUMBER = re.compile(rf"[0-9]+(?:\.[0-9]+)?(?:[万億千百](?:[0-9{_NUMERALS}]*[{_NUMERALS}])?)?|[{_NUMERALS}]+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_UNIT = re.compile(
    r"時間|(?:か|ヶ|カ|ケ|ヵ|箇)月|パーセント|[円日月年回件名人歳才時分秒週条項号章点台個本枚倍割泊級度階%]|°c?|[a-zμ]+"
)
_LABELLED = re.compile(r"(?m)^[^:\n]{0,40}\((?P<label>[^()\n]{1,20})\)[^:\n]{0,10}: [0-9][0-9,.]*(?=\s*$)")
_BLANK_BEFORE_UNIT = re.compile(
    r"(?<=\d) (?=(?:[kmμ]?[gmlwvah]|cm|t|[km]?pa|[kmg]?hz|[kmg]?wh|[kmgt]b|rpm|db|bar|ms|s|min|h)(?![a-z0-9]))"
)
_SAME_UNIT = {"名": "人", "才": "歳", "パーセント": "%", "°c": "度", "°": "度"}
_ASKED = re.compile(
    r"いくら(?!か|でも)|何(?P<unit>(?:か|ヶ|カ|ケ|ヵ|箇)月|時間|パーセント|[円日年回人名歳才時分秒週台個本枚倍割度階%])(?![もか])"
)
# Words that are written with a numeral and state no number.
_WORDS = re.compile(r"十分|一時(?!間)|一度|一人ひとり|一点|一級|一回り|万一|一年中|一日中|千円札")
# The number of an item in a list, and of a passage that is referred to.
_ORDINALS = re.compile(r"(?m)^\s*(?:\(?\d{1,2}[.)](?!\d)|[①-⑳])\s*|\[\d{1,2}\]")


def stated_facts(text: str) -> frozenset[Fact]:
    text = _LABELLED.sub(_with_unit, _normalized(_ORDINALS.sub(" ", text)))
    text = _BLANK_BEFORE_UNIT.sub("", _THOUSANDS.sub("", text))
    text = text.replace(":00", ":")
    return frozenset(_facts(_WORDS.sub(" ", text)))


def _with_unit(labelled: re.Match[str]) -> str:
    """`定価(円、税別): 892,000` with the unit of its label after the number."""
    unit = _UNIT.search(labelled["label"])
    return f"{labelled[0]}{unit[0]}" if unit else labelled[0]


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().translate(_DASHES)


def codes(text: str) -> frozenset[str]:
    """The codes alone, for example of products, forms and errors."""
    return frozenset(fact.value for fact in stated_facts(text) if fact.unit == CODE)


def section_of(code: str, text: str) -> str | None:
    """Where the lines of `text` list several such codes (E08, E09, …): the line that begins with `code`, and what
    follows up to the next of them. None where they do not, or `code` is not among them.
    """
    lines = text.splitlines()
    leading = {
        number: found
        for number, line in enumerate(lines)
        if (found := _leading_code(line)) and are_alike(found, code)
    }
    if code not in leading.values() or len(set(leading.values())) < 2:
        return None
    start = next(number for number, found in leading.items() if found == code)
    end = next((number for number, found in leading.items() if number > start and found != code), len(lines))
    return "\n".join(lines[start:end])


def _leading_code(line: str) -> str | None:
    match = _CODE.match(_normalized(line).lstrip(" |*#-・"))
    return next(iter(codes(match.group())), None) if match else None


def are_alike(code: str, other: str) -> bool:
    """Whether only the digits of two codes differ: KP-220 and KP-300."""
    return re.sub(r"\d+", "0", code) == re.sub(r"\d+", "0", other)


def asked_units(question: str) -> frozenset[str]:
    """The units of the quantities that a question asks for: `円` of いくら, `日` of 何日. Empty where it asks for none."""
    found = _ASKED.finditer(_normalized(question))
    return frozenset(_one_unit(match["unit"] or "円") for match in found)


def states_one_of(units: Collection[str], text: str) -> bool:
    """Whether the text states a quantity of one of these units. A bare number may be one: in tables the unit is in the header."""
    return any(fact.unit in units or not fact.unit for fact in stated_facts(text))


def is_stated(fact: Fact, stated: Collection[Fact]) -> bool:
    """Whether `stated` has the fact. A bare number agrees with any unit: in tables the unit is in the header."""
    return any(
        fact.value == other.value
        and (
            fact.unit == other.unit
            or (CODE not in (fact.unit, other.unit) and not (fact.unit and other.unit))
        )
        for other in stated
    )


def _facts(text: str) -> Iterator[Fact]:
    position = 0
    while position < len(text):
        is_inside_word = position > 0 and text[position - 1].isascii() and text[position - 1].isalnum()
        code = None if is_inside_word else _CODE.match(text, position)
        if code and any(character.isdigit() for character in code.group()):
            yield Fact(re.sub("[-_]", "", code.group()), CODE)
            position = code.end()
            continue
        number = _NUMBER.match(text, position)
        if number is None:
            position = code.end() if code else position + 1
            continue
        unit = _UNIT.match(text, number.end())
        if number.group()[0] in "0123456789" or unit:
            yield Fact(_value(number.group()), _one_unit(unit.group()) if unit else "")
        position = number.end()


def _one_unit(unit: str) -> str:
    return "か月" if unit.endswith("月") and len(unit) == 2 else _SAME_UNIT.get(unit, unit)


def _value(numeral: str) -> str:
    """`1万2千` and `一万二千` as `12000`, `二〇二五` as `2025`, `09` as `9`."""
    if all(character in _DIGITS for character in numeral):
        return str(int("".join(str(_DIGITS[character]) for character in numeral)))
    total = section = Decimal(0)
    pending: Decimal | None = None
    for part in re.findall(r"[0-9]+(?:\.[0-9]+)?|.", numeral):
        if part in _SMALL:
            section += (Decimal(1) if pending is None else pending) * _SMALL[part]
            pending = None
        elif part in _LARGE:
            total += (section + (pending or 0) or 1) * _LARGE[part]
            section, pending = Decimal(0), None
        else:
            pending = Decimal(_DIGITS.get(part, part))
    value = total + section + (pending or 0)
    return format(value.normalize(), "f")
