"""Numbers in a section of an Excel format: digits, separators, percent, thousands, exponents."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

NUMBER_TOKENS = frozenset({"number", "exponent"})
_PLACES = frozenset("0#?")
_MOST_DECIMALS = 30
_EXACT = Context(prec=400)
"""More digits than the largest number of a cell has."""


def number_text(value: float, tokens: Sequence[tuple[str, str]]) -> str | None:
    """`value` in the places of the section; a minus sign stands in front of everything."""
    whole, decimals = _places(tokens)
    scaled = _scaled(value, tokens)
    if any(kind == "exponent" for kind, _ in tokens):
        text = _with_exponent(scaled, tokens, len(whole), len(decimals))
        return None if text is None else _outside_of_number(text, tokens)
    amount = abs(scaled).quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP, _EXACT)
    digits, _, fraction = f"{amount:f}".partition(".")
    filled = _filled(tokens, _whole_digits(digits, whole, _is_grouped(tokens)), _fraction(fraction, decimals))
    sign = "-" if scaled < 0 and amount else ""
    return (sign + filled).strip()


def _places(tokens: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """The places for digits before and after the decimal point (an exponent's are not among them)."""
    before: list[str] = []
    after: list[str] = []
    now = before
    for kind, text in tokens:
        if kind == "exponent":
            break
        if kind == "number" and text == ".":
            now = after
        elif kind == "number" and text in _PLACES:
            now.append(text)
    return before, after[:_MOST_DECIMALS]


def _number_tokens(tokens: Sequence[tuple[str, str]]) -> str:
    return "".join(text for kind, text in tokens if kind == "number" and text != "%")


def _is_grouped(tokens: Sequence[tuple[str, str]]) -> bool:
    whole = _number_tokens(tokens).partition(".")[0]
    return "," in whole.rstrip(",").lstrip(",")


def _scaled(value: float, tokens: Sequence[tuple[str, str]]) -> Decimal:
    """Times 100 for each percent sign; by thousands for each comma after the last digit."""
    written = _number_tokens(tokens)
    whole, _, _ = written.partition(".")
    thousands = max(len(part) - len(part.rstrip(",")) for part in (whole, written))
    percents = sum(kind == "number" and text == "%" for kind, text in tokens)
    return Decimal(f"{value:.15g}").scaleb(2 * percents - 3 * thousands)


def _whole_digits(digits: str, places: Sequence[str], is_grouped: bool) -> list[str]:
    """What stands in each place from the left; the first takes all digits that have no place of their own."""
    digits = "" if digits == "0" else digits
    taken: list[str] = []
    for position, place in enumerate(reversed(places)):
        is_first = position == len(places) - 1
        end = max(len(digits) - position, 0)
        own = digits[:end] if is_first else digits[max(end - 1, 0) : end]
        own = own or {"0": "0", "?": " "}.get(place, "")
        taken.append(_grouped(own, position) if is_grouped else own)
    return taken[::-1]


def _grouped(digits: str, position: int) -> str:
    """With a comma after each digit that a multiple of three digits follows; `position` digits follow these."""
    text = ""
    for index, digit in enumerate(digits):
        following = position + len(digits) - 1 - index
        text += digit + ("," if digit.isdigit() and following and following % 3 == 0 else "")
    return text


def _fraction(fraction: str, places: Sequence[str]) -> list[str]:
    """What stands in each place after the point: zeros at the end only where the format asks for them."""
    needed = len(fraction.rstrip("0"))
    return [
        digit if index < needed or place == "0" else {"?": " "}.get(place, "")
        for index, (digit, place) in enumerate(zip(fraction, places, strict=False))
    ]


def _filled(tokens: Sequence[tuple[str, str]], whole: list[str], decimals: list[str]) -> str:
    pieces: list[str] = []
    places = whole
    for kind, written in tokens:
        if kind != "number" or written == "%":
            pieces.append(written)
        elif written == ".":
            pieces.append(".")
            places = decimals
        elif written in _PLACES and places:
            pieces.append(places.pop(0))
    return "".join(pieces)


def _with_exponent(
    value: Decimal, tokens: Sequence[tuple[str, str]], whole: int, decimals: int
) -> str | None:
    if whole != 1:
        return None
    after = "".join(text for _, text in tokens).upper().partition("E")[2]
    mantissa, _, exponent = f"{value:.{decimals}E}".partition("E")
    power = int(exponent)
    sign = "-" if power < 0 else "+" if after.startswith("+") else ""
    return f"{mantissa}E{sign}{abs(power):0{max(after.count('0'), 1)}d}"


def _outside_of_number(text: str, tokens: Sequence[tuple[str, str]]) -> str:
    """The literals around the number."""
    own = [index for index, (kind, _) in enumerate(tokens) if kind in NUMBER_TOKENS]
    before = "".join(written for _, written in tokens[: own[0]])
    after = "".join(written for _, written in tokens[own[-1] + 1 :])
    return (before + text + after).strip()
