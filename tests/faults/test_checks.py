"""Each check finds its own violation, and no other check reports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.checks import CHECKS, check_all
from tests.faults.kinds.base import CheckpointDamage
from tests.faults.observations import Observations, ObservedAttempt, ObservedJob, ObservedVersion

LOSSES = {step: 1.0 / step for step in range(1, 13)}


def attempt(fence: int, began: float, ended: float, resumed: int | None, last: int) -> ObservedAttempt:
    first = (resumed or 0) + 1
    return ObservedAttempt(
        fence=fence,
        began=began,
        ended=ended,
        resumed_from=resumed,
        last_step=last,
        checkpoints=tuple(step for step in range(first, last + 1) if step % 4 == 0),
        losses={step: LOSSES[step] for step in range(first, last + 1)},
    )


def job(id: str, *attempts: ObservedAttempt, **fields) -> ObservedJob:
    return ObservedJob(id, "training", "succeeded", True, attempts=attempts, every=4, **fields)


def valid() -> Observations:
    """A run in which one training was interrupted twice and every check holds."""
    interrupted = job(
        "job_1", attempt(1, 0, 10, None, 7), attempt(2, 11, 20, 4, 10), attempt(3, 30, 40, 8, 12)
    )
    return Observations(
        jobs=[interrupted, job("job_2", attempt(1, 50, 60, None, 12))],
        trainings={"job_1": "single"},
        references={"single": "job_2"},
        adapters={"job_1": "aa", "job_2": "aa"},
        versions=[
            ObservedVersion("m1", "run_1", "b", "single", 1),
            ObservedVersion("m2", "run_2", "b", "single", 2),
        ],
        known={"file-1": True},
        uploads={"file-1": True},
    )


def change_job(found: Observations, **fields) -> None:
    found.jobs[0] = replace(found.jobs[0], **fields)


def change_attempt(found: Observations, number: int, **fields) -> None:
    attempts = list(found.jobs[0].attempts)
    attempts[number] = replace(attempts[number], **fields)
    change_job(found, attempts=tuple(attempts))


def damage(step: int) -> CheckpointDamage:
    return CheckpointDamage(Path(f"runs/job_1/2/checkpoints/{step}"))


def another_loss(found: Observations) -> None:
    last = found.jobs[0].attempts[2].losses
    change_attempt(found, 2, losses=last | {12: last[12] + 1e-15})


VIOLATIONS: dict[str, Callable[[Observations], object]] = {
    "acknowledged and lost": lambda it: it.known.update({"ftjob-9": False}),
    "two attempts of a job at once": lambda it: change_attempt(it, 1, began=9.5),
    "versions registered twice": lambda it: it.versions.append(
        ObservedVersion("m3", "run_1", "b", "single", 3)
    ),
    "repeated more than a checkpoint interval": lambda it: change_attempt(it, 2, resumed_from=4),
    "damaged artifacts used": lambda it: it.damaged.append(damage(8)),
    "losses or weights unequal": another_loss,
    "uploads missing": lambda it: it.uploads.update({"file-1": False}),
    "jobs neither ended nor moving": lambda it: change_job(it, state="running"),
    "failures without code or sentence": lambda it: it.jobs.append(
        ObservedJob(
            "job_3",
            "retrieval",
            "failed",
            True,
            "retrieval.system.io_error",
            "Traceback (most recent call last)",
        )
    ),
    "secrets in logs or errors": lambda it: it.exposed_secrets.append("web.log"),
    "processes left": lambda it: it.processes.append("sleep 600"),
    "temporary files left": lambda it: it.leftovers.append("8.tmp"),
    "shared memory left": lambda it: it.shared_memory.append("PostgreSQL.1"),
    "answers 500 without a reason": lambda it: it.server_errors.append("POST /files 500 unexpected"),
    "streams without an end": lambda it: it.truncated_streams.append("a streamed chat"),
    "backups that cannot be restored": lambda it: it.restore_errors.append("backup_damaged"),
    "kinds of fault that never happened": lambda it: it.never_happened.append("kill rank"),
    "no training in the run": lambda it: it.trainings.clear(),
    "crashed client threads": lambda it: it.crashes.append("chat"),
}


def violated(found: Observations) -> set[str]:
    return {result.name for result in check_all(found) if not result.holds}


def test_accepts_a_valid_run():
    assert violated(valid()) == set()


def test_every_check_has_a_violation():
    assert set(VIOLATIONS) == set(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_only_the_right_check_finds_a_violation(name):
    found = valid()
    VIOLATIONS[name](found)
    assert violated(found) == {name}


def test_finds_other_weights_from_equal_losses():
    found = valid()
    found.adapters["job_1"] = "bb"
    assert violated(found) == {"losses or weights unequal"}


def test_finds_simultaneous_attempts_whatever_their_events_say():
    found = valid()
    found.simultaneous.append("job_1")
    assert violated(found) == {"two attempts of a job at once"}


def test_finds_a_version_number_that_is_assigned_twice():
    found = valid()
    found.versions[1] = replace(found.versions[1], number=1)
    assert violated(found) == {"versions registered twice"}


def test_accepts_repeating_the_steps_of_a_damaged_checkpoint():
    found = valid()
    change_attempt(found, 2, resumed_from=4)
    found.damaged.append(damage(8))
    assert violated(found) == set()


def test_finds_a_failure_with_the_code_unexpected():
    found = valid()
    sentence = "Unexpected KeyError; the engine's log on the node has the details."
    found.jobs.append(
        ObservedJob("job_3", "retrieval", "failed", True, "retrieval.system.unexpected", sentence)
    )
    assert violated(found) == {"failures without code or sentence"}


def test_finds_a_reference_run_that_failed():
    found = valid()
    found.jobs[1] = replace(found.jobs[1], state="failed", error_code="training.user.context_too_long",
                               error_message="Raise sequence_length or shorten the pairs.")  # fmt: skip
    assert violated(found) == {"losses or weights unequal"}
