"""Bring the characters of every text to one form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workers.contract.specs.curation_steps import NormalizeStep
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit, map_texts
from workers.engines.shared.text import join_wrapped_lines, normalize_layout


@implements(NormalizeStep)
def normalize_text(step: NormalizeStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    log = context.log

    def change(text: str) -> str:
        text = normalize_layout(text)
        return join_wrapped_lines(text) if step.join_wrapped_lines else text

    for unit in units:
        yield log.passed(unit, map_texts(unit, change))
