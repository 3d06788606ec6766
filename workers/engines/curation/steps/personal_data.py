"""Mask personal data: each find becomes a token that names its kind, or a pseudonym; or the unit that holds it is dropped.

The finder is the one that ingest uses. Its spans cannot be used again: the steps before this one change the text, a recipe
chooses kinds, domains and lists, and pairs and conversations are no pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from workers.contract.number_pattern import number_regex
from workers.contract.personal_data import (
    TOKENS,
    PersonalDataKind,
    PersonalSpan,
    Replacement,
    masked,
    masked_table,
    merged,
    token_of,
)
from workers.contract.records import Table
from workers.contract.specs.curation_steps import PersonalDataStep
from workers.engines.curation.examples import hidden
from workers.engines.curation.pseudonyms import pseudonymizer
from workers.engines.curation.step_context import StepContext, StepLog
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit, map_texts, replace_tables
from workers.engines.shared.personal_data import find, find_in_table, find_in_title
from workers.engines.shared.text import normalize


@implements(PersonalDataStep)
def mask_personal_data(step: PersonalDataStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    log = context.log
    replacement = token_of if step.mode != "pseudonymize" else pseudonymizer(context.require_pseudonym_key())
    masking, hiding = Masking(step, log, replacement), Masking(step, None, hidden)
    for unit in units:
        before = log.masked.total()
        changed = masking.unit(unit)
        if step.mode == "drop" and log.masked.total() > before:
            log.drop(changed, "personal_data")
        else:
            yield log.passed(unit, changed, lambda unit=unit: hiding.unit(unit).text)


class Masking:
    """Replaces what a step finds, and counts it by its kind where it has a log."""

    def __init__(
        self, step: PersonalDataStep, log: StepLog | None, replacement: Replacement = token_of
    ) -> None:
        self._step, self._log, self._replacement = step, log, replacement
        self._never = tuple(map(normalize, step.never))
        self._always = tuple(map(normalize, step.always)) if "listed" in step.kinds else ()
        is_numbered = "employee_number" in step.kinds
        self._numbers = tuple(map(number_regex, step.employee_numbers)) if is_numbered else ()
        self._told: dict[str, PersonalDataKind] | None = None
        """What was found in a unit while it is masked."""

    def unit(self, unit: Unit) -> Unit:
        """With the label of its place, where neither a find counts nor one drops the unit."""
        told = self._told = {}
        if unit.is_text and unit.tables:
            changed = replace_tables(unit, tuple(map(self.table, unit.tables)), self.text)
        else:
            changed = map_texts(unit, self.text)
        self._told = None
        return changed.with_label(self._label(label, told)) if (label := unit.label) else changed

    def _label(self, label: str, told: Mapping[str, PersonalDataKind]) -> str:
        found = find_in_title(label, told, self._step.kinds, self._step.keep_domains)
        return masked(label, self._own(label, found), self._replacement)

    def text(self, text: str) -> str:
        spans = self._own(text, find(text, self._step.kinds, self._step.keep_domains))
        changed = masked(text, spans, self._replacement)
        self._count(spans, text, changed)
        return changed

    def table(self, table: Table) -> Table:
        found = find_in_table(table, self._step.kinds, self._step.keep_domains)
        cells = {}
        for row, texts in enumerate(table.rows):
            for column, text in enumerate(texts):
                if spans := self._own(text, found.get((row, column), ())):
                    cells[row, column] = spans
                    self._count(spans, text, masked(text, spans, self._replacement))
        return masked_table(table, cells, self._replacement)

    def _own(self, text: str, found: Iterable[PersonalSpan]) -> list[PersonalSpan]:
        """With what the organization's lists and patterns say of the text."""
        spans = [*found]
        for pattern in self._numbers:
            spans += (_span("employee_number", *match.span()) for match in pattern.finditer(text))
        spans += (_span("listed", *place) for listed in self._always for place in _places(text, listed))
        if not spans or not self._never:
            return merged(spans)
        kept = [place for listed in self._never for place in _places(text, listed)]
        return merged(
            span
            for span in spans
            if span.kind == "listed"
            or not any(start <= span.start and span.end <= end for start, end in kept)
        )

    def _count(self, spans: Sequence[PersonalSpan], text: str, changed: str) -> None:
        if self._told is not None:
            self._told |= {text[span.start : span.end]: span.kind for span in spans}
        if self._log is None:
            return
        for span in spans:
            self._log.masked[span.kind] += 1
            self._log.sample(span.kind, changed, TOKENS[span.kind][:-1])


def _span(kind: PersonalDataKind, start: int, end: int) -> PersonalSpan:
    return PersonalSpan(kind=kind, start=start, end=end)


def _places(text: str, listed: str) -> Iterator[tuple[int, int]]:
    start = text.find(listed)
    while start >= 0:
        yield start, start + len(listed)
        start = text.find(listed, start + len(listed))
