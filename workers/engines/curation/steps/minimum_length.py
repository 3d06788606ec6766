"""Drop units that are too short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workers.contract.specs.curation_steps import MinimumLengthStep
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit
from workers.engines.shared.text import compare_key


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
