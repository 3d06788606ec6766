"""Every pair of states, by the services and by SQL that goes around them."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from audit.models import AuditEvent
from audit.services import SYSTEM
from common.errors import Conflict
from jobs import services
from jobs.models import Job, JobEvent
from jobs.transitions import MOVES, TERMINAL, JobState
from workers.contract.specs.run import RunError

from .conftest import move_by_sql
from .work import LightWork

S = JobState
PAIRS = [(before, after) for before in S for after in S if before != after]
ERROR = RunError(code="work.system.crashed", message="It crashed.")


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_database_allows_exactly_the_legal_moves(make_job, before, after):
    job = make_job(before)
    if after in MOVES[before]:
        move_by_sql(job, after)
        assert Job.objects.get(pk=job.pk).state == after
    else:
        with pytest.raises(IntegrityError), transaction.atomic():
            move_by_sql(job, after)
        assert Job.objects.get(pk=job.pk).state == before


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_service_makes_exactly_the_legal_moves(make_job, before, after):
    job = make_job(before)
    fields = {"fence": F("fence") + 1} if (before, after) == (S.QUEUED, S.STARTING) else {}
    if after in MOVES[before]:
        assert services._move(job, {before}, after, SYSTEM, **fields)
        assert Job.objects.get(pk=job.pk).state == after
    else:
        with pytest.raises(ValueError, match="not a legal move"):
            services._move(job, {before}, after, SYSTEM)
        assert Job.objects.get(pk=job.pk).state == before


SUPERVISOR = {
    "claim": (lambda job: services.job_claim(job=job), {S.QUEUED: S.STARTING}),
    "started": (lambda job: services.job_started(job=job), {S.STARTING: S.RUNNING}),
    "requeue": (
        lambda job: services.job_requeue(job=job, reason="lost"),
        {S.STARTING: S.QUEUED, S.RUNNING: S.QUEUED},
    ),
    "paused": (lambda job: services.job_paused(job=job), {S.PAUSING: S.PAUSED}),
    "cancelled": (lambda job: services.job_cancelled(job=job), {S.CANCELLING: S.CANCELLED}),
    "succeeded": (
        lambda job: services.job_succeeded(job=job, result={}),
        {S.RUNNING: S.SUCCEEDED, S.PAUSING: S.SUCCEEDED},
    ),
    "failed": (
        lambda job: services.job_failed(job=job, error=ERROR),
        {S.STARTING: S.FAILED, S.RUNNING: S.FAILED, S.PAUSING: S.FAILED},
    ),
    "result lost": (
        lambda job: services.job_result_lost(job=job, error=ERROR),
        {S.SUCCEEDED: S.FAILED},
    ),
}


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("verb", SUPERVISOR)
def test_orchestration_moves_a_job_from_expected_states_only(make_job, verb, state):
    act, moves = SUPERVISOR[verb]
    job = make_job(state)
    events = JobEvent.objects.filter(job=job).count()
    assert act(job) is (state in moves)
    assert Job.objects.get(pk=job.pk).state == moves.get(state, state)
    assert JobEvent.objects.filter(job=job).count() == events + (state in moves)


PEOPLE = {
    "cancel": (
        services.job_cancel,
        {
            **dict.fromkeys([S.QUEUED, S.PAUSED, S.CANCELLED], S.CANCELLED),
            **dict.fromkeys([S.STARTING, S.RUNNING, S.PAUSING, S.CANCELLING], S.CANCELLING),
        },
    ),
    "pause": (
        services.job_pause,
        {
            **dict.fromkeys([S.STARTING, S.RUNNING, S.PAUSING], S.PAUSING),
            **dict.fromkeys([S.QUEUED, S.PAUSED], S.PAUSED),
        },
    ),
    "resume": (
        services.job_resume,
        {S.PAUSED: S.QUEUED, S.QUEUED: S.QUEUED, S.STARTING: S.STARTING, S.RUNNING: S.RUNNING},
    ),
}


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("verb", PEOPLE)
def test_requests_move_a_job_from_fitting_states_only(make_job, verb, state):
    act, moves = PEOPLE[verb]
    job = make_job(state)
    if state in moves:
        assert act(job=job, actor=SYSTEM).state == moves[state]
        assert act(job=job, actor=SYSTEM).state == moves[state], "asking twice is asking once"
    else:
        with pytest.raises(Conflict):
            act(job=job, actor=SYSTEM)
    assert Job.objects.get(pk=job.pk).state == moves.get(state, state)


def test_a_job_without_checkpoints_cannot_be_paused(make_job):
    with pytest.raises(Conflict) as refusal:
        services.job_pause(job=make_job(S.RUNNING, spec=LightWork()), actor=SYSTEM)
    assert refusal.value.code == "job_cannot_pause"


def test_only_a_lost_result_leaves_a_terminal_state():
    assert {S.SUCCEEDED, S.FAILED, S.CANCELLED} == TERMINAL
    assert {(state, after) for state in TERMINAL for after in MOVES[state]} == {(S.SUCCEEDED, S.FAILED)}


@pytest.mark.parametrize("before", sorted(TERMINAL))
@pytest.mark.parametrize("after", list(S))
def test_a_finalized_job_never_changes_its_state(make_job, before, after):
    job = make_job(before)
    assert services.job_finalized(job=job)
    if before != after:
        with pytest.raises(IntegrityError, match=r"stays|cannot move"), transaction.atomic():
            move_by_sql(job, after)
    assert services.job_result_lost(job=job, error=ERROR) is False
    assert Job.objects.get(pk=job.pk).state == before


@pytest.mark.parametrize("change", ["fence = fence - 1", "fence = fence + 1"])
@pytest.mark.parametrize("state", list(S))
def test_the_fence_changes_with_a_claim_only(make_job, state, change):
    job = make_job(state)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE jobs_job SET {change} WHERE id = %s", [job.id])


@pytest.mark.parametrize("rise", [-1, 0, 2])
def test_a_claim_raises_the_fence_by_one(make_job, rise):
    job = make_job()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_job SET state = 'starting', fence = fence + %s WHERE id = %s", [rise, job.id]
        )


@pytest.mark.parametrize("state", [state for state in S if state != S.QUEUED])
def test_a_job_starts_as_queued(make_job, state):
    job = make_job()
    job.pk, job.state = "job_other", state
    with pytest.raises(IntegrityError), transaction.atomic():
        job.save(force_insert=True)


def test_a_move_writes_an_event_and_an_audit_event(make_job):
    job = make_job()
    assert services.job_claim(job=job)
    event = JobEvent.objects.get(job=job)
    assert (event.type, event.message, event.fence) == ("state", "starting", 1)
    trail = AuditEvent.objects.filter(target_id=job.id).order_by("created_at")
    assert [event.action for event in trail] == ["job.submitted", "job.starting"]
