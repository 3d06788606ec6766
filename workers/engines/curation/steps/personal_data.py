"""Mask personal data: each find becomes a token that names its kind.

The finder is the one that ingest uses. Its spans cannot be used again: the steps before this one change the text, a recipe
chooses kinds and domains, and pairs and conversations are no pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

from workers.contract.personal_data import PersonalSpan, masked, masked_table
from workers.contract.records import Table
from workers.contract.specs.curation_steps import PersonalDataStep
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit, map_texts, replace_tables
from workers.engines.shared.personal_data import find, find_in_table


@implements(PersonalDataStep)
def mask_personal_data(step: PersonalDataStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    log = context.log
    change = partial(mask, step=step, found=log.masked)
    for unit in units:
        if unit.is_text and unit.tables:
            tables = tuple(mask_table(table, step, log.masked) for table in unit.tables)
            yield log.passed(unit, replace_tables(unit, tables, change))
        else:
            yield log.passed(unit, map_texts(unit, change))


def mask(text: str, step: PersonalDataStep, found: Counter[str]) -> str:
    """`text` with tokens in place of personal data; counts every find by its kind."""
    spans = find(text, step.kinds, step.keep_domains)
    _count(spans, found)
    return masked(text, spans)


def mask_table(table: Table, step: PersonalDataStep, found: Counter[str]) -> Table:
    cells = find_in_table(table, step.kinds, step.keep_domains)
    for spans in cells.values():
        _count(spans, found)
    return masked_table(table, cells)


def _count(spans: Iterable[PersonalSpan], found: Counter[str]) -> None:
    found.update(Counter(span.kind for span in spans))
