"""The states of a job and the legal moves between them, as data.

The database holds the same table in a trigger (`trigger_sql`), so that no program, old or new,
can make a move that is not listed here.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _


class JobState(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    STARTING = "starting", _("Starting")
    RUNNING = "running", _("Running")
    PAUSING = "pausing", _("Pausing")
    PAUSED = "paused", _("Paused")
    CANCELLING = "cancelling", _("Cancelling")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


_S = JobState

MOVES: dict[JobState, frozenset[JobState]] = {
    _S.QUEUED: frozenset({_S.STARTING, _S.PAUSED, _S.CANCELLED}),
    # Back to QUEUED: the attempt was lost, or stopped without a request, and is tried again.
    _S.STARTING: frozenset({_S.RUNNING, _S.PAUSING, _S.CANCELLING, _S.QUEUED, _S.FAILED}),
    _S.RUNNING: frozenset({_S.PAUSING, _S.CANCELLING, _S.QUEUED, _S.SUCCEEDED, _S.FAILED}),
    # A run may end by itself while it is asked to pause.
    _S.PAUSING: frozenset({_S.PAUSED, _S.CANCELLING, _S.SUCCEEDED, _S.FAILED}),
    _S.PAUSED: frozenset({_S.QUEUED, _S.CANCELLED}),
    # The result of a cancelled run is discarded, even if it came a moment before.
    _S.CANCELLING: frozenset({_S.CANCELLED}),
    # Only until it is finalized: its result was lost before its success was shown.
    _S.SUCCEEDED: frozenset({_S.FAILED}),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
}

ACTIVE = frozenset({_S.STARTING, _S.RUNNING, _S.PAUSING, _S.CANCELLING})
"""States in which an engine may be alive: they hold capacity and a lease."""

STOPPABLE = frozenset({_S.QUEUED, _S.PAUSED, _S.STARTING, _S.RUNNING, _S.PAUSING})
"""States in which a person can stop the job for good."""

TERMINAL = frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELLED})
"""States in which no engine will run again. A finalized job never leaves them."""


def trigger_sql(pairs: Iterable[tuple[str, str]]) -> str:
    """SQL that makes PostgreSQL refuse, by itself:

    - a job that is not created as `queued`,
    - a move that is not among `pairs`,
    - any move of a job that is finished (`finalized_at`),
    - a fence that changes in any other way than rising with the claim (`queued` to `starting`).
    """
    listed = ", ".join(f"('{before}', '{after}')" for before, after in pairs)
    return f"""
CREATE OR REPLACE FUNCTION jobs_job_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'queued' OR NEW.fence <> 0 THEN
            RAISE EXCEPTION 'a job is born queued with fence 0' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({listed}) THEN
        RAISE EXCEPTION 'job % cannot move from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND OLD.finalized_at IS NOT NULL THEN
        RAISE EXCEPTION 'job % is finished and stays %', OLD.id, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state = 'queued' AND NEW.state = 'starting' THEN
        IF NEW.fence <> OLD.fence + 1 THEN
            RAISE EXCEPTION 'a claim raises the fence of job % by one', OLD.id
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.fence <> OLD.fence THEN
        RAISE EXCEPTION 'the fence of job % changes with a claim only', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$guard$;
DROP TRIGGER IF EXISTS jobs_job_guard ON jobs_job;
CREATE TRIGGER jobs_job_guard BEFORE INSERT OR UPDATE ON jobs_job
    FOR EACH ROW EXECUTE FUNCTION jobs_job_guard();
"""


DROP_TRIGGER_SQL = "DROP TRIGGER jobs_job_guard ON jobs_job; DROP FUNCTION jobs_job_guard();"
