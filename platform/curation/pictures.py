"""The counts of a dataset version, prepared for drawing: parts of the whole, and the counts of each step."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from curation.models import DatasetVersion
from workers.contract.specs.curation import CurationResult


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
class StepRow:
    step: str
    units_in: int
    units_out: int
    dropped: int
    changed: int
    parts: list[tuple[str, int, str]]
    """Kept, changed and dropped as parts of one bar."""


def step_rows(version: DatasetVersion) -> list[StepRow]:
    if not version.result:
        return []
    rows = []
    for count in CurationResult.model_validate(version.result).kept_and_dropped_by_step:
        parts = [
            (_("as they were"), max(0, count.units_out - count.changed), "good"),
            (_("changed"), count.changed, "busy"),
            (_("dropped"), count.dropped, "warn"),
        ]
        row = StepRow(
            step=count.step,
            units_in=count.units_in,
            units_out=count.units_out,
            dropped=count.dropped,
            changed=count.changed,
            parts=[part for part in parts if part[1]],
        )
        rows.append(row)
    return rows
