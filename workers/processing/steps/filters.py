"""Steps that look at one unit at a time: normalise, too short, noise."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from workers.processing.units import StepLog, Unit, map_texts
from workers.specs.curate import MinimumLengthStep, NoiseStep, NormalizeStep
from workers.text import compare_key, join_wrapped_lines, normalize

_REPEATED_RUN = re.compile(r"(.{1,20}?)\1{4,}", re.S)
_CELL_BORDERS = re.compile(r"[\s|]+")


def normalize_text(step: NormalizeStep, units: Iterable[Unit], log: StepLog) -> Iterator[Unit]:
    def change(text: str) -> str:
        text = normalize(text)
        return join_wrapped_lines(text) if step.join_wrapped_lines else text

    for unit in units:
        yield log.passed(unit, map_texts(unit, change))


def drop_short(step: MinimumLengthStep, units: Iterable[Unit], log: StepLog) -> Iterator[Unit]:
    """Only texts: a pair is complete however short it is."""
    for unit in units:
        length = len(compare_key(unit.text))
        if unit.is_text and length < step.characters:
            log.drop(unit, "too_short", f"{length} < {step.characters}")
        else:
            yield unit


def drop_noise(step: NoiseStep, units: Iterable[Unit], log: StepLog) -> Iterator[Unit]:
    for unit in units:
        verdict = _noise(unit.text, step) if unit.is_text else None
        if verdict is None:
            yield unit
        else:
            log.drop(unit, *verdict)


def _noise(text: str, step: NoiseStep) -> tuple[str, str] | None:
    """Reason and detail, or None for text worth keeping."""
    symbols = symbol_share(text)
    if symbols > step.max_symbol_share:
        return "symbols", f"{symbols:.2f} > {step.max_symbol_share:g}"
    repetition = repetition_share(text)
    if repetition > step.max_repetition:
        return "repetition", f"{repetition:.2f} > {step.max_repetition:g}"
    japanese = japanese_share(text)
    if japanese < step.min_japanese_share:
        return "not_japanese", f"{japanese:.2f} < {step.min_japanese_share:g}"
    return None


def symbol_share(text: str) -> float:
    """Share of characters that are neither letter nor digit, spaces and cell borders left aside."""
    characters = _CELL_BORDERS.sub("", text)
    symbols = sum(unicodedata.category(character)[0] not in "LNM" for character in characters)
    return symbols / len(characters) if characters else 1.0


def repetition_share(text: str) -> float:
    """Share of the text in its longest run of one piece (1 to 20 characters) five times or more."""
    longest = max((len(match[0]) for match in _REPEATED_RUN.finditer(text)), default=0)
    return longest / len(text) if text else 0.0


def japanese_share(text: str) -> float:
    """Share of kana and ideographs among letters; 1 where there are no letters."""
    letters = [character for character in text if unicodedata.category(character)[0] == "L"]
    japanese = sum(
        "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" for character in letters
    )
    return japanese / len(letters) if letters else 1.0
