"""Drop units that are noise: each is judged by itself, by the kinds of `workers.engines.curation.noise`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from workers.contract.specs.curation_steps import NoiseStep
from workers.engines.curation.noise.garbled import is_garbled, is_scattered
from workers.engines.curation.noise.machine import is_encoded, is_links, is_log, is_mail_header, is_markup
from workers.engines.curation.noise.repetition import numbers_lines, repeats_keywords, repetition_share
from workers.engines.curation.noise.stock_phrases import (
    is_advertising,
    is_print_line,
    is_signature,
    stock_share,
)
from workers.engines.curation.noise.symbols import (
    counts_on,
    has_no_word,
    is_empty_values,
    is_left_open,
    ornament_share,
    symbol_share,
)
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit

_JAPANESE_LETTER = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\u3005\u3400-\u9fff]")
_CELL_MARK = re.compile("[○◯〇●◎×✕△▲▽▼□■☑☐✓✔✗☆★]")
_ALL_SYMBOLS = 0.85
"""A text of so many symbols has no room for words, whatever the symbols are."""


@implements(NoiseStep)
def drop_noise(step: NoiseStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    log = context.log
    for unit in units:
        verdict = noise_of(unit.text, step, is_structured=unit.is_structured) if unit.is_text else None
        if verdict is None:
            yield unit
        else:
            log.drop(unit, *verdict)


def noise_of(text: str, step: NoiseStep, *, is_structured: bool) -> tuple[str, str] | None:
    """Reason and detail, or None for text worth keeping. Symbols of tables and lists are content."""
    is_table = sum("|" in line for line in text.split("\n")) >= (1 if is_structured else 2)
    ornaments = ornament_share(text)
    if ornaments > step.max_symbol_share and not is_structured and not is_table:
        return "symbols", _shares(step, "symbols", ornaments, most_share=step.max_symbol_share)
    if (symbols := symbol_share(text)) > _ALL_SYMBOLS and not (is_structured and _CELL_MARK.search(text)):
        return "symbols", _shares(step, "symbols", symbols, most_share=_ALL_SYMBOLS)
    if not is_structured and not is_table and has_no_word(text):
        return "no_words", ""
    if not is_structured and is_left_open(text):
        return "stock_phrases", ""
    for reason, is_of_kind in _KINDS if is_table else (*_KINDS, *_KINDS_OF_PROSE):
        if is_of_kind(text):
            return reason, ""
    repetition = repetition_share(text)
    if repetition > step.max_repetition:
        return "repetition", _shares(step, "repetition", repetition, most_share=step.max_repetition)
    # A table of words that menus have, too, is one of this company all the same.
    stock = 0.0 if is_table and is_structured else stock_share(text, step.max_stock_share)
    if stock > step.max_stock_share:
        return "stock_phrases", _shares(step, "stock_phrases", stock, most_share=step.max_stock_share)
    return _not_japanese(text, step)


_KINDS = (
    ("no_words", counts_on),
    ("no_values", is_empty_values),
    ("garbled", is_garbled),
    ("garbled", is_scattered),
    ("encoded", is_encoded),
    ("markup", is_markup),
    ("machine_log", is_log),
    ("mail_header", is_mail_header),
    ("links", is_links),
)
_KINDS_OF_PROSE = (
    ("repetition", numbers_lines),
    ("keywords", repeats_keywords),
    ("stock_phrases", is_advertising),
    ("stock_phrases", is_signature),
    ("stock_phrases", is_print_line),
)
"""A table without these is one all the same."""


def _not_japanese(text: str, step: NoiseStep) -> tuple[str, str] | None:
    """Of a text without letters all counts as Japanese."""
    japanese = 1.0
    if step.min_japanese_share and (letters := sum(map(str.isalpha, text))):
        japanese = len(_JAPANESE_LETTER.findall(text)) / letters
    if japanese < step.min_japanese_share:
        return "not_japanese", _shares(step, "not_japanese", japanese, least_share=step.min_japanese_share)
    return None


def _shares(step: NoiseStep, reason: str, share: float, **limit: float) -> str:
    return step.detail(reason, share=f"{share:.2f}", **{name: f"{value:g}" for name, value in limit.items()})
