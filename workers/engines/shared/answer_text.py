"""What of a generated text is the answer: not what follows a stop string, and nothing said again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workers.contract.prompts import ANSWER_LABELS

LONGEST_UNIT = 150
"""Characters of the longest run of text whose repetition is recognized."""
SHORT_UNIT = 10
"""A shorter unit, as in はははは, is repeated on purpose sometimes."""
SHORT_UNIT_REPEATS = 5


@dataclass(frozen=True)
class Answer:
    text: str
    """What is certain to belong to the answer."""
    is_ended: bool
    """A stop string or a repetition was met: nothing that follows belongs to the answer."""


def answer_so_far(text: str, stops: Sequence[str], *, is_whole: bool) -> Answer:
    """`is_whole`: nothing will follow, so what could only become a stop string or a repetition is kept."""
    text = _without_label(text, is_whole=is_whole)
    end, is_ended = _stop(text, stops, is_whole=is_whole)
    text = text[:end]
    repeated = _repetition(text)
    if repeated and _is_certain(text, repeated):
        return Answer(text[: -repeated.length], is_ended=True)
    if repeated and not (is_whole or is_ended):
        return Answer(text[: -repeated.length], is_ended=False)
    return Answer(text, is_ended)


def _without_label(text: str, *, is_whole: bool) -> str:
    """`text` without 回答: at its beginning; nothing yet where the label may still be coming."""
    begun = text.lstrip()
    for label in ANSWER_LABELS:
        if begun.startswith(label):
            return begun.removeprefix(label).lstrip()
        if not is_whole and label.startswith(begun) and text:
            return ""
    return text


def _stop(text: str, stops: Sequence[str], *, is_whole: bool) -> tuple[int, bool]:
    """Where the answer ends, and whether a stop string ends it there.

    A stop string that begins with a line break also ends an answer that begins with the rest of it.
    """
    lines, begun_text = [stop[1:] for stop in stops if len(stop) > 1 and stop[0] == "\n"], text.lstrip()
    if any(begun_text.startswith(line) for line in lines):
        return 0, True
    if begun_text and not is_whole and any(line.startswith(begun_text) for line in lines):
        return 0, False
    met = [position for stop in stops if (position := text.find(stop)) >= 0]
    if met:
        return min(met), True
    if is_whole:
        return len(text), False
    begun = (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size]))
    return len(text) - max(begun, default=0), False


@dataclass(frozen=True)
class _Repetition:
    unit: int
    """Characters of what is repeated."""
    length: int
    """Characters at the end of the text that equal those one unit before."""


def _repetition(text: str) -> _Repetition | None:
    """The longest end of the text that says again what stands directly before it."""
    found = None
    for unit in range(1, min(LONGEST_UNIT, len(text) - 1) + 1):
        length = 0
        while length < len(text) - unit and text[-1 - length] == text[-1 - length - unit]:
            length += 1
        if length and (found is None or length > found.length):
            found = _Repetition(unit, length)
    return found


def _is_certain(text: str, repeated: _Repetition) -> bool:
    """Lines of signs, as in a table, and short words said a few times are no fault."""
    if not any(character.isalpha() for character in text[-repeated.unit :]):
        return False
    if repeated.unit >= SHORT_UNIT:
        return repeated.length >= repeated.unit
    return repeated.length >= max(repeated.unit * (SHORT_UNIT_REPEATS - 1), 2 * SHORT_UNIT)
