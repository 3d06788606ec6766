"""A check that cannot fail is worth nothing: each is shown a violation, and only it complains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.checks import CHECKS, judge
from tests.faults.evidence import Attempt, Evidence, JobFacts, Version
from tests.faults.faults.base import Damaged

LOSSES = {step: 1.0 / step for step in range(1, 13)}


def attempt(fence: int, began: float, ended: float, resumed: int | None, last: int) -> Attempt:
    first = (resumed or 0) + 1
    return Attempt(
        fence=fence,
        began=began,
        ended=ended,
        resumed_from=resumed,
        last_step=last,
        checkpoints=tuple(step for step in range(first, last + 1) if step % 4 == 0),
        losses={step: LOSSES[step] for step in range(first, last + 1)},
    )


def job(id: str, *attempts: Attempt, **fields) -> JobFacts:
    return JobFacts(id, "training", "succeeded", True, attempts=attempts, every=4, **fields)


def sound() -> Evidence:
    """A storm in which one training was interrupted twice and everything held."""
    stormed = job("job_1", attempt(1, 0, 10, None, 7), attempt(2, 11, 20, 4, 10), attempt(3, 30, 40, 8, 12))
    return Evidence(
        jobs=[stormed, job("job_2", attempt(1, 50, 60, None, 12))],
        recipes={"job_1": "single"},
        references={"single": "job_2"},
        adapters={"job_1": "aa", "job_2": "aa"},
        versions=[Version("m1", "run_1", "b", "single", 1), Version("m2", "run_2", "b", "single", 2)],
        known={"file-1": True},
        uploads={"file-1": True},
    )


def stormed(evidence: Evidence, **fields) -> None:
    evidence.jobs[0] = replace(evidence.jobs[0], **fields)


def attempts_of(evidence: Evidence, number: int, **fields) -> None:
    attempts = list(evidence.jobs[0].attempts)
    attempts[number] = replace(attempts[number], **fields)
    stormed(evidence, attempts=tuple(attempts))


def damage(step: int) -> Damaged:
    return Damaged(Path(f"runs/job_1/2/checkpoints/{step}"))


def another_loss(evidence: Evidence) -> None:
    last = evidence.jobs[0].attempts[2].losses
    attempts_of(evidence, 2, losses=last | {12: last[12] + 1e-15})


PLANTED: dict[str, Callable[[Evidence], object]] = {
    "acknowledged and lost": lambda it: it.known.update({"ftjob-9": False}),
    "run twice at once": lambda it: attempts_of(it, 1, began=9.5),
    "versions registered twice": lambda it: it.versions.append(Version("m3", "run_1", "b", "single", 3)),
    "repeated more than an interval": lambda it: attempts_of(it, 2, resumed_from=4),
    "damaged artefacts used": lambda it: it.damaged.append(damage(8)),
    "losses or weights unequal": another_loss,
    "uploads missing": lambda it: it.uploads.update({"file-1": False}),
    "jobs neither ended nor moving": lambda it: stormed(it, state="running"),
    "failures without code or sentence": lambda it: it.jobs.append(
        JobFacts(
            "job_3",
            "retrieval",
            "failed",
            True,
            "retrieval.system.io_error",
            "Traceback (most recent call last)",
        )
    ),
    "secrets in logs or errors": lambda it: it.secrets_told.append("web.log"),
    "processes left": lambda it: it.processes.append("sleep 600"),
    "temporary files left": lambda it: it.leftovers.append("8.tmp"),
    "shared memory left": lambda it: it.shared_memory.append("PostgreSQL.1"),
    "answers 500 without a reason": lambda it: it.failures.append("POST /files 500 unexpected"),
    "streams ended without a word": lambda it: it.quiet_ends.append("a streamed chat"),
    "backups that cannot be restored": lambda it: it.unrestorable.append("backup_damaged"),
    "kinds of fault that never happened": lambda it: it.never_done.append("kill rank"),
    "storms without a training": lambda it: it.recipes.clear(),
    "errands of the load that crashed": lambda it: it.crashes.append("chat"),
}


def complaints(evidence: Evidence) -> set[str]:
    return {row.name for row in judge(evidence) if row.count}


def test_a_storm_in_which_all_held_has_no_complaint():
    assert complaints(sound()) == set()


def test_every_check_is_shown_a_violation():
    assert set(PLANTED) == set(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_a_violation_is_found_by_its_check_alone(name):
    evidence = sound()
    PLANTED[name](evidence)
    assert complaints(evidence) == {name}


def test_other_weights_from_equal_losses_are_found():
    evidence = sound()
    evidence.adapters["job_1"] = "bb"
    assert complaints(evidence) == {"losses or weights unequal"}


def test_two_attempts_seen_alive_together_are_found_whatever_they_tell():
    evidence = sound()
    evidence.together.append("job_1")
    assert complaints(evidence) == {"run twice at once"}


def test_the_number_of_a_version_is_given_once():
    evidence = sound()
    evidence.versions[1] = replace(evidence.versions[1], number=1)
    assert complaints(evidence) == {"versions registered twice"}


def test_what_a_damaged_checkpoint_held_may_be_repeated():
    evidence = sound()
    attempts_of(evidence, 2, resumed_from=4)
    evidence.damaged.append(damage(8))
    assert complaints(evidence) == set()


def test_a_failure_that_says_unexpected_is_not_explained():
    evidence = sound()
    sentence = "Unexpected KeyError; the engine's log on the node has the details."
    evidence.jobs.append(
        JobFacts("job_3", "retrieval", "failed", True, "retrieval.system.unexpected", sentence)
    )
    assert complaints(evidence) == {"failures without code or sentence"}


def test_a_comparison_with_a_run_that_failed_is_none():
    evidence = sound()
    evidence.jobs[1] = replace(evidence.jobs[1], state="failed", error_code="training.user.context_too_long",
                               error_message="Raise sequence_length or shorten the pairs.")  # fmt: skip
    assert complaints(evidence) == {"losses or weights unequal"}
