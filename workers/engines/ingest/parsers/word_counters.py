"""How Word writes the number of a list item: the number formats of WordprocessingML.

A format that is not listed, and a number too large for its format, is written in decimal digits.
"""

from __future__ import annotations

from collections.abc import Callable

_AIUEO = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
_IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_DIGITS = "〇一二三四五六七八九"
_LEGAL_DIGITS = "〇壱弐参四伍六七八九"
_CIRCLED = 20
"""Circled numbers beyond this one do not exist in the fonts that Word uses."""
_MOST_LETTERS, _MOST_ROMAN, _MOST_COUNTED = 780, 3999, 99_999
_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
    (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


def written(number: int, number_format: str, sample: str = "") -> str:
    """`number` in a format of `w:numFmt`; `sample` begins a custom one: `001, 002, 003, ...`."""
    if number_format == "custom":
        return str(number).zfill(len(sample.split(",")[0].strip()))
    write = _FORMATS.get(number_format)
    return str(number) if write is None else write(number)


def _letters(alphabet: str) -> Callable[[int], str]:
    """Z is followed by AA, BB, … ."""

    def write(number: int) -> str:
        if not 1 <= number <= _MOST_LETTERS:
            return str(number)
        rounds, index = divmod(number - 1, len(alphabet))
        return alphabet[index] * (rounds + 1)

    return write


def _in_turn(characters: str) -> Callable[[int], str]:
    """The last character is followed by the first."""
    return lambda number: characters[(number - 1) % len(characters)] if number >= 1 else str(number)


def _roman(number: int) -> str:
    if not 1 <= number <= _MOST_ROMAN:
        return str(number)
    text = ""
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        text += letters * times
    return text


def _counted(digits: str, units: tuple[str, str, str, str]) -> Callable[[int], str]:
    """十一, 百二十, 三千: a digit before each unit, but no 一 before ten, hundred and thousand."""

    def below_ten_thousand(number: int) -> str:
        text = ""
        for exponent in (3, 2, 1):
            digit, number = divmod(number, 10**exponent)
            one = "" if digits is _DIGITS else digits[1]
            text += (one if digit == 1 else digits[digit]) + units[exponent - 1] if digit else ""
        return text + (digits[number] if number else "")

    def write(number: int) -> str:
        if not 0 <= number <= _MOST_COUNTED:
            return str(number)
        high, low = divmod(number, 10_000)
        text = below_ten_thousand(high) + units[3] if high else ""
        return (text + below_ten_thousand(low)) or digits[0]

    return write


def _ordinal(number: int) -> str:
    is_teen = 10 < number % 100 < 14
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _in_characters(first: str, most: int) -> Callable[[int], str]:
    """A character of its own for each number up to `most`."""
    return lambda number: chr(ord(first) + number - 1) if 1 <= number <= most else str(number)


_digital = _DIGITS.__getitem__
_latin = _letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_FORMATS: dict[str, Callable[[int], str]] = {
    "none": lambda number: "",
    "decimalZero": lambda number: f"{number:02}",
    "decimalEnclosedCircle": _in_characters("①", _CIRCLED),
    "decimalEnclosedCircleChinese": _in_characters("①", _CIRCLED),
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedFullstop": lambda number: f"{number}.",
    "numberInDash": lambda number: f"- {number} -",
    "ordinal": _ordinal,
    "upperRoman": _roman,
    "lowerRoman": lambda number: _roman(number).lower(),
    "upperLetter": _latin,
    "lowerLetter": lambda number: _latin(number).lower(),
    "aiueo": _in_turn(_AIUEO),
    "aiueoFullWidth": _in_turn(_AIUEO),
    "iroha": _in_turn(_IROHA),
    "irohaFullWidth": _in_turn(_IROHA),
    "ideographTraditional": _in_turn(_STEMS),
    "ideographZodiac": _in_turn(_BRANCHES),
    "ideographEnclosedCircle": _in_characters("㊀", 10),
    "japaneseCounting": _counted(_DIGITS, ("十", "百", "千", "万")),
    "chineseCountingThousand": _counted(_DIGITS, ("十", "百", "千", "万")),
    "japaneseLegal": _counted(_LEGAL_DIGITS, ("拾", "百", "阡", "萬")),
}
_FORMATS |= dict.fromkeys(
    ("ideographDigital", "japaneseDigitalTenThousand", "taiwaneseDigital", "koreanDigital2"),
    lambda number: "".join(_digital(int(digit)) if digit.isdigit() else digit for digit in str(number)),
)
