"""Drop units that are too short, or noise: each is judged by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from workers.contract.specs.curation_steps import MinimumLengthStep, NoiseStep
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit
from workers.engines.shared.text import compare_key

LONGEST_PIECE = 20
REPEATS = 5
_JAPANESE_LETTER = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\u3005\u3400-\u9fff]")
_CELL_BORDERS = re.compile(r"[\s|]+")


@implements(MinimumLengthStep)
def drop_short(step: MinimumLengthStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    """Only texts: a pair is complete however short it is."""
    log = context.log
    for unit in units:
        length = len(compare_key(unit.text))
        if unit.is_text and length < step.characters:
            log.drop(unit, "too_short", step.detail("too_short", characters=length, least=step.characters))
        else:
            yield unit


@implements(NoiseStep)
def drop_noise(step: NoiseStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    log = context.log
    for unit in units:
        verdict = _noise(unit.text, step, is_structured=unit.is_structured) if unit.is_text else None
        if verdict is None:
            yield unit
        else:
            log.drop(unit, *verdict)


def _noise(text: str, step: NoiseStep, *, is_structured: bool) -> tuple[str, str] | None:
    """Reason and detail, or None for text worth keeping. Symbols of tables and lists are content.

    Symbols are characters that are neither letter nor digit, spaces and cell borders left aside. Of a text without
    letters all counts as Japanese.
    """
    characters = _CELL_BORDERS.sub("", text)
    symbols = 1 - sum(map(str.isalnum, characters)) / len(characters) if characters else 1.0
    if symbols > step.max_symbol_share and not is_structured:
        return "symbols", _shares(step, "symbols", symbols, most_share=step.max_symbol_share)
    repetition = repetition_share(text)
    if repetition > step.max_repetition:
        return "repetition", _shares(step, "repetition", repetition, most_share=step.max_repetition)
    japanese = 1.0
    if step.min_japanese_share and (letters := sum(map(str.isalpha, text))):
        japanese = len(_JAPANESE_LETTER.findall(text)) / letters
    if japanese < step.min_japanese_share:
        return "not_japanese", _shares(step, "not_japanese", japanese, least_share=step.min_japanese_share)
    return None


def _shares(step: NoiseStep, reason: str, share: float, **limit: float) -> str:
    return step.detail(reason, share=f"{share:.2f}", **{name: f"{value:g}" for name, value in limit.items()})


def repetition_share(text: str) -> float:
    """Share of the text in its longest run of one piece (1 to 20 characters) five times or more."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    longest = 0
    for period in range(1, min(LONGEST_PIECE, len(codes) - 1) + 1):
        breaks = np.flatnonzero(codes[period:] != codes[:-period])
        equal = _longest_gap(breaks, len(codes) - period)
        # n equal neighbours at this distance are a piece that is repeated over n + period characters.
        if equal + period >= REPEATS * period:
            longest = max(longest, equal + period)
    return longest / len(codes) if len(codes) else 0.0


def _longest_gap(breaks: NDArray[np.intp], length: int) -> int:
    """The longest run of positions below `length` without a break. (`np.diff` with edges takes ten times as long.)"""
    if not len(breaks):
        return length
    inner = int((breaks[1:] - breaks[:-1]).max()) - 1 if len(breaks) > 1 else 0
    return max(int(breaks[0]), length - 1 - int(breaks[-1]), inner)
