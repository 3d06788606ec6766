"""Whether an answer is right: spelling variants do not matter, numbers do."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from workers.contract.stated_facts import is_stated, stated_facts
from workers.engines.shared.ngrams import character_ngrams

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DECIMAL_POINT = re.compile(r"(?<=\d)\.(?=\d)")
_BETWEEN_DIGITS = re.compile(r"(?<=\d) +(?=\d)")
# A tilde is a range like the wave dash, which Unicode counts as punctuation.
_SEPARATOR_SIGNS = "~"
_POINT, _BORDER = "\ue000", "\ue001"


def canonical(text: str) -> str:
    """`text` in NFKC and lower case, without punctuation and spaces.

    Between two digits a separator remains, so that numbers neither merge (`3, 10日` is not `310日`) nor
    change (`2,500円` is `2500円`, `1.5倍` keeps its point).
    """
    text = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold())
    text = _DECIMAL_POINT.sub(_POINT, text)
    spaced = ""
    for character in text:
        is_sign = character in _SEPARATOR_SIGNS or unicodedata.category(character)[0] in "PZC"
        is_separator = (is_sign or character.isspace()) and character != _POINT
        spaced += " " if is_separator else character
    return _BETWEEN_DIGITS.sub(_BORDER, spaced).replace(" ", "").replace(_POINT, ".").replace(_BORDER, " ")


def contains(answer: str, accepted: str) -> bool:
    """Whether `answer` contains `accepted`; a number must be there as a whole (10 is not in 210)."""
    sought = canonical(accepted)
    if not sought:
        return False
    before = r"(?<!\d)(?<!\d\.)" if sought[0].isdigit() else ""
    after = r"(?!\.?\d)" if sought[-1].isdigit() else ""
    return re.search(before + re.escape(sought) + after, canonical(answer)) is not None


def overlap(answer: str, reference: str) -> float:
    """F1 of the character bigrams of both texts: 1 for equal texts, 0 for nothing in common."""
    ours, theirs = _bigrams(answer), _bigrams(reference)
    common = sum((ours & theirs).values())
    if not common:
        return 0.0
    precision, recall = common / sum(ours.values()), common / sum(theirs.values())
    return 2 * precision * recall / (precision + recall)


def is_right(answer: str, reference: str, accepted: Sequence[str], threshold: float) -> bool:
    """Whether an accepted string or the whole reference is in the answer; without accepted strings, whether it overlaps
    with the reference and states the same numbers and codes."""
    if accepted:
        return any(contains(answer, candidate) for candidate in (*accepted, reference))
    given, expected = stated_facts(answer), stated_facts(reference)
    is_same = all(is_stated(one, expected) for one in given) and all(
        is_stated(one, given) for one in expected
    )
    return is_same and overlap(answer, reference) >= threshold


def _bigrams(text: str) -> Counter[str]:
    """Character bigrams; a text of one character counts as that character."""
    plain = canonical(text)
    return Counter(character_ngrams(plain, 2) or ([plain] if plain else []))
