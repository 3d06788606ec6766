"""The points of a run's curves, as the charts ask for them."""

from __future__ import annotations

from typing import Any

from jobs.models import JobEvent
from training.models import TrainingRun

SERIES = ("loss", "tokens_per_second")
MOST_POINTS = 1500
"""More are thinned out evenly: no screen shows them, and a week's run has a million."""


def curve(run: TrainingRun, *, after: int) -> dict[str, Any]:
    """Points later than step `after`; where an attempt repeated a step, the newest one counts."""
    rows = JobEvent.objects.filter(job_id=run.job_id, type="metrics", data__step__gt=after).order_by("pk")
    points: dict[int, dict[str, float]] = {}
    for data in rows.values_list("data", flat=True).iterator():
        points[data["step"]] = data["values"]
    steps = sorted(points)
    if len(steps) > MOST_POINTS:
        share = (len(steps) - 1) / (MOST_POINTS - 1)
        steps = [steps[round(position * share)] for position in range(MOST_POINTS)]
    return {
        "x": steps,
        "series": {name: [points[step].get(name) for step in steps] for name in SERIES},
        "live": run.job.finalized_at is None,
    }


def newest_values(run: TrainingRun) -> dict[str, float]:
    event = JobEvent.objects.filter(job_id=run.job_id, type="metrics").order_by("-pk").first()
    return event.data["values"] if event else {}
