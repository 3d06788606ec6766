"""What follows an attempt: retries within their budgets, and the end of a job."""

from __future__ import annotations

import pytest

from jobs.models import Job
from jobs.transitions import JobState
from workers.contract.specs.run import RunError
from workers.orchestration.attempt import (
    LONGEST_DELAY,
    MAX_FAILURES_SINCE_CHECKPOINT,
    MAX_LOSSES,
    Attempt,
    End,
    NextStep,
    next_step,
)

CRASH = RunError(code="work.system.crashed", message="It crashed.")


def running_job(**columns) -> Job:
    return Job(kind="work", state=JobState.RUNNING, **columns)


def end_until_it_fails(job: Job, end: End, error_of=lambda number: CRASH) -> tuple[list[NextStep], NextStep]:
    retries = []
    while (step := next_step(job, Attempt(end, error_of(len(retries))))).state == JobState.QUEUED:
        retries.append(step)
        for name, value in step.columns.items():
            setattr(job, name, value)
    assert step.state == JobState.FAILED
    return retries, step


def test_a_machine_may_be_lost_five_times():
    retries, last = end_until_it_fails(running_job(), End.LOST)
    assert len(retries) == MAX_LOSSES == 5
    assert last.error.code == "work.system.lost"


def test_the_delay_grows_and_is_bounded():
    retries, _last = end_until_it_fails(running_job(), End.LOST)
    delays = [retry.delay for retry in retries]
    assert delays == sorted(set(delays))
    assert delays[0].total_seconds() == 0
    assert delays[-1] <= LONGEST_DELAY


def test_the_system_may_fail_twice_without_a_checkpoint():
    def another(number):
        return RunError(code=f"work.system.fault_{number}", message="Something else each time.")

    retries, last = end_until_it_fails(running_job(), End.SYSTEM_ERROR, another)
    assert len(retries) == MAX_FAILURES_SINCE_CHECKPOINT == 2
    assert last.error.code == "work.system.fault_2"


def test_the_same_failure_at_the_same_step_twice_ends_the_job():
    retries, last = end_until_it_fails(running_job(progress_done=40.0), End.SYSTEM_ERROR)
    assert len(retries) == 1
    assert last.error == CRASH


def test_the_same_failure_at_another_step_is_tried_again():
    job = running_job(progress_done=40.0, failed_code=CRASH.code, failed_at=30.0, failures_since_checkpoint=1)
    assert next_step(job, Attempt(End.SYSTEM_ERROR, CRASH)).state == JobState.QUEUED


@pytest.mark.parametrize(
    ("state", "end", "following"),
    [
        (JobState.CANCELLING, End.SUCCEEDED, JobState.CANCELLED),
        (JobState.CANCELLING, End.LOST, JobState.CANCELLED),
        (JobState.PAUSING, End.SUCCEEDED, JobState.SUCCEEDED),
        (JobState.PAUSING, End.USER_ERROR, JobState.FAILED),
        (JobState.PAUSING, End.SYSTEM_ERROR, JobState.PAUSED),
        (JobState.RUNNING, End.USER_ERROR, JobState.FAILED),
        (JobState.STARTING, End.NOT_LAUNCHED, JobState.QUEUED),
    ],
)
def test_moves_the_job_by_its_state_and_by_how_the_attempt_ended(state, end, following):
    assert next_step(Job(kind="work", state=state), Attempt(end, CRASH)).state == following


def test_reports_the_launchers_error_after_the_last_attempt():
    _retries, last = end_until_it_fails(running_job(), End.NOT_LAUNCHED)
    assert last.error == CRASH
