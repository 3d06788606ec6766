"""Import new lines of a run's `events.jsonl` into the database: each exactly once.

The job's row stores how far its file was read. That offset moves in the transaction that writes the events, so of
two imports at once the second one writes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from jobs.models import Job, JobEvent
from jobs.services import job_events_imported
from jobs.types import job_type
from workers.contract.run_folder import RunFolder
from workers.contract.specs.events import (
    EVENT,
    AnyEvent,
    CheckpointSaved,
    FileRead,
    Log,
    Metrics,
    Progress,
    Started,
    Stopped,
)
from workers.orchestration.json_reading import read_json

logger = logging.getLogger(__name__)

PART_BYTES = 1 << 20
STEPS_REMEMBERED = 31


@dataclass(frozen=True)
class Part:
    """Whole lines read from one place in the file on."""

    events: tuple[AnyEvent, ...]
    offset: int
    """Where the next part begins: after the last whole line."""
    malformed: int = 0


def read_part(path: Path, offset: int) -> Part:
    """The whole lines from byte `offset` on, up to about a megabyte; a half-written last line waits."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            content = file.read(PART_BYTES)
    except FileNotFoundError:
        return Part((), offset)
    end = content.rfind(b"\n") + 1
    if end == 0:
        # No event is that long: skip the damaged part, or nothing behind it would ever be read.
        return Part((), offset + len(content), 1) if len(content) == PART_BYTES else Part((), offset)
    events, malformed = [], 0
    for line in content[:end].splitlines():
        try:
            events.append(EVENT.validate_python(read_json(line)))
        except ValueError:
            malformed += 1
    return Part(tuple(events), offset + end, malformed)


def import_events(job: Job) -> None:
    """Import everything the run of `job` has written; `job` is refreshed."""
    while True:
        part = read_part(RunFolder(job.run_dir).events, job.events_offset)
        if part.offset == job.events_offset:
            return
        if part.malformed:
            logger.warning("%s wrote %d lines that are no events", job.id, part.malformed)
        if not _import_part(job, part):
            return
        job.refresh_from_db()


@transaction.atomic
def _import_part(job: Job, part: Part) -> bool:
    events = _not_seen(part.events, job.events_sequence)
    rows = [row for event in events if (row := _row(job, event)) is not None]
    if not job_events_imported(job=job, offset=part.offset, events=rows, **_columns(job, events)):
        return False
    for kind, handler in job_type(job.kind).events.items():
        if found := [event for event in events if isinstance(event, kind)]:
            _handle(job, handler, found)
    return True


def _not_seen(events: Sequence[AnyEvent], last: int) -> list[AnyEvent]:
    """A sequence that was seen before, here or earlier, is a repetition of the same event."""
    fresh = []
    for event in events:
        if event.sequence > last:
            last = event.sequence
            fresh.append(event)
    return fresh


# -- columns of the job -------------------------------------------------------------------------
def _columns(job: Job, events: Sequence[AnyEvent]) -> dict[str, Any]:
    if not events:
        return {}
    fields: dict[str, Any] = {"events_sequence": events[-1].sequence}
    if any(isinstance(event, Progress | Metrics | CheckpointSaved) for event in events):
        fields["progress_seen_at"] = Now()
    if any(isinstance(event, Metrics) for event in events):
        fields["has_metrics"] = True
    progress = [event for event in events if isinstance(event, Progress)]
    if progress:
        newest = progress[-1]
        times = [event.time for event in progress]
        if job.last_event_time is not None:
            times.insert(0, job.last_event_time)
        gaps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
        fields |= {
            "progress_done": newest.done,
            "progress_total": newest.total,
            "progress_unit": newest.unit[:32],
            "seconds_left": newest.seconds_left,
            "last_event_time": newest.time,
            "step_seconds": [*job.step_seconds, *gaps][-STEPS_REMEMBERED:],
        }
    step = max((event.step for event in events if isinstance(event, CheckpointSaved)), default=-1)
    if step > (-1 if job.checkpoint_step is None else job.checkpoint_step):
        # The run is further than ever before: earlier failures no longer count.
        fields |= {"checkpoint_step": step, "losses": 0, "failures_since_checkpoint": 0}
    return fields


# -- rows --------------------------------------------------------------------------------------------
def _row(job: Job, event: AnyEvent) -> JobEvent | None:
    """None for progress, which is kept in the job's columns only, since old values are not read; and for what the type of job
    keeps in rows of its own."""
    if isinstance(event, Progress | FileRead):
        return None
    return JobEvent(
        organization_id=job.organization_id,
        job_id=job.id,
        fence=job.fence,
        sequence=event.sequence,
        type=event.type,
        level=event.level if isinstance(event, Log) else "info",
        message=_message(event),
        data=event.data
        if isinstance(event, Log)
        # The path of a checkpoint is internal, and changes when the installation moves.
        else event.model_dump(mode="json", exclude={"type", "sequence", "path"}),
    )


def _message(event: AnyEvent) -> str:
    match event:
        case Log():
            return event.message
        case Metrics():
            values = ", ".join(f"{name} {value:.6g}" for name, value in event.values.items())
            return f"Step {event.step}: {values}"
        case CheckpointSaved():
            return f"Checkpoint at step {event.step}"
        case Started():
            return (
                "Started"
                if event.resumed_from_step is None
                else f"Resumed from step {event.resumed_from_step}"
            )
        case Stopped():
            return "Stopped" if event.step is None else f"Stopped at step {event.step}"
    return ""


# -- handlers of the type of job ------------------------------------------------------------------------
def _handle(job: Job, handler: Callable[..., None], events: Sequence[AnyEvent]) -> None:
    try:
        with transaction.atomic():
            handler(job=job, events=events)
    except Exception:
        # The run does not need these rows, and what it has made is completed once more at its end.
        logger.exception("%s: events of type %s were not handled", job.id, events[0].type)
