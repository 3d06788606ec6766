"""What must hold after every run: each check yields violations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.faults.observations import TERMINAL, Observations, ObservedAttempt, ObservedJob
from tests.load.checks import CheckResult

CODE = re.compile(r"[a-z_]+\.(user|system)\.[a-z0-9_]+")
WRONG_CLOCK_SECONDS = 1800.0
"""An engine that was launched by a worker with a wrong clock reports that wrong time."""

Check = Callable[[Observations], Iterator[str]]


def lost(found: Observations) -> Iterator[str]:
    """Acknowledged files, trainings and stores that the database does not have."""
    yield from (id for id, known in found.known.items() if not known)


def simultaneous_attempts(found: Observations) -> Iterator[str]:
    yield from (f"{job}: two attempts were alive at once" for job in found.simultaneous)
    for job in found.jobs:
        for before, after in pairwise(_timed(job)):
            assert before.ended is not None and after.began is not None
            overlap = before.ended - after.began
            if 0 < overlap < WRONG_CLOCK_SECONDS:
                yield f"{job.id}: attempts {before.fence} and {after.fence} overlap by {overlap:.2f} s"


def _timed(job: ObservedJob) -> list[ObservedAttempt]:
    return [attempt for attempt in job.attempts if attempt.began is not None and attempt.ended is not None]


def duplicate_versions(found: Observations) -> Iterator[str]:
    for run, count in Counter(version.run for version in found.versions).items():
        if count > 1:
            yield f"{run} was registered {count} times"
    numbers = Counter((version.base_model, version.suffix, version.number) for version in found.versions)
    yield from (f"number {key} was assigned {count} times" for key, count in numbers.items() if count > 1)


def repeated_work(found: Observations) -> Iterator[str]:
    """Steps done again beyond one checkpoint interval; those of a damaged checkpoint may be repeated, too."""
    for job in _trainings(found):
        damaged = {(entry.fence, entry.step) for entry in found.damaged if entry.job == job.id}
        reached, usable = 0, {0}
        for attempt in job.attempts:
            if attempt.began is not None:
                resumed = attempt.resumed_from or 0
                expected = max(usable, default=0)
                if reached - resumed > job.every and resumed < expected:
                    yield f"{job.id}, attempt {attempt.fence}: {reached - resumed} steps again, {job.every} allowed"
                reached = max(resumed, attempt.last_step or 0)
            usable |= {step for step in attempt.checkpoints if (attempt.fence, step) not in damaged}


def damage_used(found: Observations) -> Iterator[str]:
    yield from found.damage_used
    for damage in found.damaged:
        for job in (job for job in found.jobs if job.id == damage.job):
            is_rewritten = any(
                attempt.fence != damage.fence and damage.step in attempt.checkpoints
                for attempt in job.attempts
            )
            for attempt in job.attempts:
                is_later = attempt.fence > damage.fence
                if is_later and attempt.resumed_from == damage.step and not is_rewritten:
                    yield f"{job.id}: attempt {attempt.fence} resumed from the damaged checkpoint {damage.step}"


def unequal_losses(found: Observations) -> Iterator[str]:
    """Every loss of every attempt, and the weights, against the same training undisturbed."""
    jobs = {job.id: job for job in found.jobs}
    for id, training in found.trainings.items():
        reference = found.references.get(training)
        if reference is None or id not in jobs or jobs[reference].state != "succeeded":
            yield f"{id}: there is no undisturbed run of {training} to compare with"
            continue
        expected = jobs[reference].attempts[-1].losses
        for attempt in jobs[id].attempts:
            unequal = [
                step for step, loss in attempt.losses.items() if step in expected and loss != expected[step]
            ]
            if unequal:
                yield f"{id}, attempt {attempt.fence}: the losses of steps {unequal[:5]} differ"
        if jobs[id].state == "succeeded" and found.adapters.get(id) != found.adapters.get(reference):
            yield f"{id}: its weights differ from those of the undisturbed run"


def missing_uploads(found: Observations) -> Iterator[str]:
    yield from (id for id, whole in found.uploads.items() if not whole)


def stuck_jobs(found: Observations) -> Iterator[str]:
    for job in found.jobs:
        if job.state not in TERMINAL or not job.finished:
            yield f"{job.id} ({job.kind}) is {job.state}" + ("" if job.finished else ", unfinished")


def unexplained_failures(found: Observations) -> Iterator[str]:
    for job in found.jobs:
        if job.state != "failed":
            continue
        if not CODE.fullmatch(job.error_code) or job.error_code.endswith((".unexpected", ".crashed")):
            yield f"{job.id}: code {job.error_code!r}"
        if len(job.error_message) < 20 or "Traceback" in job.error_message or "\n" in job.error_message:
            yield f"{job.id}: message {job.error_message[:80]!r}"


def _trainings(found: Observations) -> list[ObservedJob]:
    return [job for job in found.jobs if job.kind == "training" and job.every]


def no_training(found: Observations) -> Iterator[str]:
    """A run without a training proves nothing about trainings."""
    if not found.trainings:
        yield "no training was acknowledged during the run"


CHECKS: dict[str, Check] = {
    "acknowledged and lost": lost,
    "two attempts of a job at once": simultaneous_attempts,
    "versions registered twice": duplicate_versions,
    "repeated more than a checkpoint interval": repeated_work,
    "damaged artifacts used": damage_used,
    "losses or weights unequal": unequal_losses,
    "uploads missing": missing_uploads,
    "jobs neither ended nor moving": stuck_jobs,
    "failures without code or sentence": unexplained_failures,
    "secrets in logs or errors": lambda found: iter(found.exposed_secrets),
    "processes left": lambda found: iter(found.processes),
    "temporary files left": lambda found: iter(found.leftovers),
    "shared memory left": lambda found: iter(found.shared_memory),
    "answers 500 without a reason": lambda found: iter(found.server_errors),
    "streams without an end": lambda found: iter(found.truncated_streams),
    "backups that cannot be restored": lambda found: iter(found.restore_errors),
    "no training in the run": no_training,
    "kinds of fault that never happened": lambda found: iter(found.never_happened),
    "crashed client threads": lambda found: iter(found.crashes),
}


def check_all(found: Observations) -> list[CheckResult]:
    return [CheckResult(name, tuple(check(found))) for name, check in CHECKS.items()]
