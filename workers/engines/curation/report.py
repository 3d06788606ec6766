"""A report on a curation for people: counts by step with a few examples of what was dropped."""

from __future__ import annotations

from typing import Any

from workers.contract.specs.curation import CurationResult
from workers.engines.curation.step_context import StepLog


def build_report(result: CurationResult, logs: list[StepLog]) -> dict[str, Any]:
    """`{version, totals, steps: [{...StepCount, reasons, masked, samples, examples: [{reason, place, text}]}]}`.

    `masked` counts personal data by kind; `samples` has for each kind some places in the masked text.
    """
    totals = result.model_dump(
        mode="json", exclude={"version", "kept_and_dropped_by_step", "manifest_sha256"}
    )
    steps = [
        {
            **log.count().model_dump(mode="json"),
            "reasons": dict(sorted(log.reasons.items())),
            "masked": dict(sorted(log.masked.items())),
            "samples": {kind: texts for kind, texts in sorted(log.samples.items()) if texts},
            "examples": log.examples,
        }
        for log in logs
    ]
    return {"version": 1, "totals": totals, "steps": steps}
