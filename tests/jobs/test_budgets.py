"""When a failed attempt is tried again."""

from __future__ import annotations

from jobs.budgets import FRUITLESS, LONGEST_DELAY, LOSSES, Cause, GiveUp, Retry, decide
from jobs.models import Job
from workers.contract.specs.run import RunError

CRASH = RunError(code="work.system.crashed", message="It crashed.")


def fail_until_the_end(job: Job, cause: Cause, error_of=lambda number: CRASH) -> tuple[list[Retry], GiveUp]:
    retries = []
    while isinstance(decision := decide(job, cause, error_of(len(retries))), Retry):
        retries.append(decision)
        for name, value in decision.counters.items():
            setattr(job, name, value)
    return retries, decision


def test_a_machine_may_be_lost_five_times():
    retries, end = fail_until_the_end(Job(kind="work"), Cause.LOST)
    assert len(retries) == LOSSES == 5
    assert end.error.code == "work.system.lost"


def test_the_delay_grows_and_is_bounded():
    retries, _end = fail_until_the_end(Job(kind="work"), Cause.LOST)
    delays = [retry.delay for retry in retries]
    assert delays == sorted(set(delays))
    assert delays[0].total_seconds() == 0
    assert delays[-1] <= LONGEST_DELAY


def test_the_system_may_fail_twice_without_progress():
    def another(number):
        return RunError(code=f"work.system.fault_{number}", message="Something else each time.")

    retries, end = fail_until_the_end(Job(kind="work"), Cause.SYSTEM, another)
    assert len(retries) == FRUITLESS == 2
    assert end.error.code == "work.system.fault_2"


def test_the_same_failure_at_the_same_step_twice_is_the_end():
    retries, end = fail_until_the_end(Job(kind="work", progress_done=40.0), Cause.SYSTEM)
    assert len(retries) == 1
    assert end.error == CRASH


def test_the_same_failure_at_another_step_is_tried_again():
    job = Job(kind="work", progress_done=40.0, failed_code=CRASH.code, failed_at=30.0, fruitless=1)
    assert isinstance(decide(job, Cause.SYSTEM, CRASH), Retry)
