"""How a run ends, and what a test sets and reads of its job."""

from __future__ import annotations

import json

from django.db import connection

from jobs.models import Job


def write_result(job: Job, **fields) -> None:
    (job.run_dir / "result.json").write_text(json.dumps({"version": 1, **fields}))


def set_columns(job: Job, **intervals: str) -> None:
    """Columns to the database's now plus an interval."""
    with connection.cursor() as cursor:
        for column, interval in intervals.items():
            cursor.execute(
                f"UPDATE jobs_job SET {column} = now() + %s::interval WHERE id = %s", [interval, job.id]
            )


def now_due(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(not_before=None)


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def kills(launcher) -> int:
    return sum(call == "kill" for call, _run in launcher.calls)


FAILED = {"status": "failed", "error": {"code": "work.user.empty_dataset", "message": "Empty."}}


FAULT = {"status": "failed", "error": {"code": "work.system.out_of_memory", "message": "Memory."}}


KILLED = {"status": "failed", "error": {"code": "ingest.system.parser_killed", "message": "Killed."}}


DONE = {"status": "succeeded", "output": {"steps": 3}}


STOPPED = {"status": "stopped"}


def tick_without_relaunch(job, tick) -> None:
    """Tick, but leave a requeued job in the queue: its cluster takes no new ones."""
    job.cluster.is_active = False
    job.cluster.save()
    tick()
