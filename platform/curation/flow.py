"""The counts of a dataset version, prepared for drawing: parts of the whole, and the counts of each step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from curation.models import DatasetVersion
from curation.selectors import version_report
from workers.contract.specs.curation import CurationResult, Recipe, StepCount
from workers.contract.specs.curation_steps import SplitStep, StepSettings, step_keys


def kept_and_dropped(version: DatasetVersion) -> list[tuple[str, int, str]]:
    """Name, count and tone of each part of all units; empty until the version is ready."""
    if not version.result:
        return []
    result = CurationResult.model_validate(version.result)
    heldout = result.heldout_records + result.heldout_pairs + result.heldout_conversations
    kept = result.records + result.pairs + result.conversations
    return [
        (_("for training"), kept - heldout, "good"),
        (_("held out"), heldout, "busy"),
        (_("dropped"), result.dropped, "warn"),
    ]


@dataclass(frozen=True)
class FlowStep:
    """One step of the recipe with what it did to the pages or units that came to it."""

    step: str
    """Its key."""
    settings: list[tuple[str, Any]]
    units_in: int = 0
    units_out: int = 0
    dropped: int = 0
    changed: int = 0
    parts: list[tuple[str, int, str]] = field(default_factory=list)
    """Kept, changed and dropped as parts of one bar."""
    reasons: list[tuple[str, int]] = field(default_factory=list)
    """Why it dropped how many, the most frequent first."""


def flow(version: DatasetVersion) -> list[FlowStep]:
    """The steps in their order, the split last; empty until the version is ready."""
    if not version.result:
        return []
    result = CurationResult.model_validate(version.result)
    counts = {count.step: count for count in result.kept_and_dropped_by_step}
    report = version_report(version)
    steps = []
    for key, step in zip(step_keys(recipe := _steps(version)), recipe, strict=True):
        settings = [(name, value) for name, value in step.model_dump(mode="json").items() if name != "type"]
        if count := counts.get(key):
            reasons = Counter(report.get(key, {}).get("reasons", {})).most_common()
            steps.append(_flow_step(count, settings, reasons))
        elif isinstance(step, SplitStep):
            steps.append(FlowStep(key, settings, parts=kept_and_dropped(version)[:2]))
    return steps


def _steps(version: DatasetVersion) -> tuple[StepSettings, ...]:
    return Recipe.model_validate(version.recipe).steps


def _flow_step(count: StepCount, settings: list[tuple[str, Any]], reasons: list[tuple[str, int]]) -> FlowStep:
    makes_more = count.units_out > count.units_in
    parts = [
        (
            _("made of them") if makes_more else _("as they were"),
            max(0, count.units_out - count.changed),
            "good",
        ),
        (_("changed"), count.changed, "busy"),
        (_("dropped"), count.dropped, "warn"),
    ]
    return FlowStep(
        step=count.step,
        settings=settings,
        units_in=count.units_in,
        units_out=count.units_out,
        dropped=count.dropped,
        changed=count.changed,
        parts=[part for part in parts if part[1]],
        reasons=reasons,
    )


@dataclass(frozen=True)
class PersonalDataFound:
    kind: str
    count: int
    examples: list[str]
    """What stands around some of the finds, masked."""


def personal_data_found(version: DatasetVersion) -> list[PersonalDataFound]:
    """By kind, the most frequent first."""
    steps = version_report(version).values()
    return [
        PersonalDataFound(
            kind, count, [each for step in steps for each in step.get("samples", {}).get(kind, [])]
        )
        for kind, count in Counter(version.result.get("masked", {})).most_common()
    ]
