"""What must hold after every storm: each check counts violations, and says which."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.evidence import TERMINAL, Attempt, Evidence, JobFacts

CODE = re.compile(r"[a-z_]+\.(user|system)\.[a-z0-9_]+")
WRONG_CLOCK_SECONDS = 1800.0
"""An engine that a worker with a wrong clock launched tells its own wrong time."""


@dataclass(frozen=True)
class Row:
    name: str
    violations: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.violations)


Check = Callable[[Evidence], Iterator[str]]


def jobs_lost(evidence: Evidence) -> Iterator[str]:
    """Acknowledged trainings and stores that the database does not know."""
    yield from (id for id, known in evidence.known.items() if not known)


def jobs_twice_at_once(evidence: Evidence) -> Iterator[str]:
    yield from (f"{job}: seen alive together" for job in evidence.together)
    for job in evidence.jobs:
        for before, after in pairwise(_lived(job)):
            assert before.ended is not None and after.began is not None
            overlap = before.ended - after.began
            if 0 < overlap < WRONG_CLOCK_SECONDS:
                yield f"{job.id}: attempts {before.fence} and {after.fence} overlap by {overlap:.2f} s"


def _lived(job: JobFacts) -> list[Attempt]:
    return [attempt for attempt in job.attempts if attempt.began is not None and attempt.ended is not None]


def versions_twice(evidence: Evidence) -> Iterator[str]:
    for run, count in Counter(version.run for version in evidence.versions).items():
        if count > 1:
            yield f"{run} was registered {count} times"
    numbers = Counter((version.base_model, version.suffix, version.number) for version in evidence.versions)
    yield from (f"number {key} was given {count} times" for key, count in numbers.items() if count > 1)


def work_repeated(evidence: Evidence) -> Iterator[str]:
    """Steps done again beyond one checkpoint interval; what a damaged checkpoint held may be, too."""
    for job in _trainings(evidence):
        damaged = {(entry.fence, entry.step) for entry in evidence.damaged if entry.job == job.id}
        reached, sound = 0, {0}
        for attempt in job.attempts:
            if attempt.began is not None:
                resumed = attempt.resumed_from or 0
                expected = max(sound, default=0)
                if reached - resumed > job.every and resumed < expected:
                    yield f"{job.id}, attempt {attempt.fence}: {reached - resumed} steps again, {job.every} allowed"
                reached = max(resumed, attempt.last_step or 0)
            sound |= {step for step in attempt.checkpoints if (attempt.fence, step) not in damaged}


def damage_used(evidence: Evidence) -> Iterator[str]:
    yield from evidence.damage_used
    for entry in evidence.damaged:
        job = next((job for job in evidence.jobs if job.id == entry.job), None)
        for attempt in job.attempts if job else ():
            again = (
                [
                    each
                    for each in job.attempts
                    if each.fence != entry.fence and entry.step in each.checkpoints
                ]
                if job
                else []
            )
            if attempt.fence > entry.fence and attempt.resumed_from == entry.step and not again:
                yield f"{entry.job}: attempt {attempt.fence} resumed from the damaged checkpoint {entry.step}"


def losses_unequal(evidence: Evidence) -> Iterator[str]:
    """Against the same training uninterrupted: every loss of every attempt, and the weights."""
    jobs = {job.id: job for job in evidence.jobs}
    for id, recipe in evidence.recipes.items():
        reference = evidence.references.get(recipe)
        if reference is None or id not in jobs or jobs[reference].state != "succeeded":
            yield f"{id}: there is no uninterrupted run of {recipe} to compare with"
            continue
        expected = jobs[reference].attempts[-1].losses
        for attempt in jobs[id].attempts:
            unequal = [
                step for step, loss in attempt.losses.items() if step in expected and loss != expected[step]
            ]
            if unequal:
                yield f"{id}, attempt {attempt.fence}: the losses of steps {unequal[:5]} differ"
        if jobs[id].state == "succeeded" and evidence.adapters.get(id) != evidence.adapters.get(reference):
            yield f"{id}: its weights are not those of the uninterrupted run"


def uploads_missing(evidence: Evidence) -> Iterator[str]:
    yield from (id for id, whole in evidence.uploads.items() if not whole)


def jobs_stuck(evidence: Evidence) -> Iterator[str]:
    for job in evidence.jobs:
        if job.state not in TERMINAL or not job.finished:
            yield f"{job.id} ({job.kind}) is {job.state}" + ("" if job.finished else ", unfinished")


def failures_unexplained(evidence: Evidence) -> Iterator[str]:
    for job in evidence.jobs:
        if job.state != "failed":
            continue
        if not CODE.fullmatch(job.error_code) or job.error_code.endswith((".unexpected", ".crashed")):
            yield f"{job.id}: code {job.error_code!r}"
        if len(job.error_message) < 20 or "Traceback" in job.error_message or "\n" in job.error_message:
            yield f"{job.id}: message {job.error_message[:80]!r}"


def _trainings(evidence: Evidence) -> list[JobFacts]:
    return [job for job in evidence.jobs if job.kind == "training" and job.every]


def nothing_trained(evidence: Evidence) -> Iterator[str]:
    """A storm over no training would prove nothing about trainings."""
    if not evidence.recipes:
        yield "no training was acknowledged during the storm"


CHECKS: dict[str, Check] = {
    "acknowledged and lost": jobs_lost,
    "run twice at once": jobs_twice_at_once,
    "versions registered twice": versions_twice,
    "repeated more than an interval": work_repeated,
    "damaged artefacts used": damage_used,
    "losses or weights unequal": losses_unequal,
    "uploads missing": uploads_missing,
    "jobs neither ended nor moving": jobs_stuck,
    "failures without code or sentence": failures_unexplained,
    "secrets in logs or errors": lambda evidence: iter(evidence.secrets_told),
    "processes left": lambda evidence: iter(evidence.processes),
    "temporary files left": lambda evidence: iter(evidence.leftovers),
    "shared memory left": lambda evidence: iter(evidence.shared_memory),
    "answers 500 without a reason": lambda evidence: iter(evidence.failures),
    "streams ended without a word": lambda evidence: iter(evidence.quiet_ends),
    "backups that cannot be restored": lambda evidence: iter(evidence.unrestorable),
    "storms without a training": nothing_trained,
    "kinds of fault that never happened": lambda evidence: iter(evidence.never_done),
    "errands of the load that crashed": lambda evidence: iter(evidence.crashes),
}


def judge(evidence: Evidence) -> list[Row]:
    return [Row(name, tuple(check(evidence))) for name, check in CHECKS.items()]
