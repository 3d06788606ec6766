"""The log of a run, and its report: faults, jobs, trainings, answers, checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.faults.observations import Observations, ObservedAttempt, summary
from tests.load.checks import CheckResult, render_checks
from tests.load.counters import Counters, Outcome


@dataclass
class FaultLog:
    seed: int
    minutes: float
    happened: list[tuple[float, str, str]] = field(default_factory=list)
    """Seconds, kind, what was done."""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Kind, reason."""
    impossible: set[str] = field(default_factory=set)
    """Kinds that this machine does not allow."""
    counters: Counters = field(default_factory=Counters)

    def skip(self, kind: str, reason: str, *, is_impossible: bool) -> None:
        self.skipped.append((kind, reason))
        if is_impossible:
            self.impossible.add(kind)

    def never_happened(self) -> list[str]:
        """Kinds that were planned and possible, and never found a victim."""
        happened = {kind for _, kind, _ in self.happened}
        return sorted({kind for kind, _ in self.skipped} - happened - self.impossible)


def render(log: FaultLog, found: Observations, results: Sequence[CheckResult]) -> str:
    return "\n".join(
        [
            f"seed {log.seed}, {log.minutes:g} minutes, {len(log.happened)} faults",
            *_section("Faults", _faults(log)),
            *_section("Jobs", _jobs(found)),
            *_section("Trainings", _trainings(found)),
            *_section("Answers", [log.counters.table(), *_refusals(log.counters)]),
            *_section("Checks", [render_checks(results)]),
        ]
    )


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return ["", title, "-" * len(title), *lines]


def _faults(log: FaultLog) -> list[str]:
    done = Counter(kind for _, kind, _ in log.happened)
    skipped = Counter(log.skipped)
    lines = [f"{count:4}  {kind}" for kind, count in sorted(done.items())]
    return lines + [f"   -  {kind}: {reason} ({count})" for (kind, reason), count in sorted(skipped.items())]


def _jobs(found: Observations) -> list[str]:
    lines = [
        f"{kind:10} " + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        for kind, states in sorted(summary(found.jobs).items())
    ]
    reasons = Counter((job.error_code, job.error_message) for job in found.jobs if job.state == "failed")
    return lines + [f"{count:4}  {code}: {message}" for (code, message), count in sorted(reasons.items())]


def _trainings(found: Observations) -> Iterable[str]:
    names = found.trainings | dict.fromkeys(found.references.values(), "undisturbed")
    for job in found.jobs:
        if job.kind == "training":
            steps = " > ".join(_steps(attempt) for attempt in job.attempts)
            yield f"{names.get(job.id, 'cancelled'):13} {job.state:9} {steps} {job.error_code}"


def _steps(attempt: ObservedAttempt) -> str:
    return f"{attempt.resumed_from or 0}–{attempt.last_step or 0}"


def _refusals(counters: Counters) -> Iterable[str]:
    for outcome in (Outcome.EXPECTED, Outcome.REFUSED, Outcome.FAILED):
        yield from (
            f"{count:6}  {outcome}: {what}" for what, count in sorted(counters.details[outcome].items())
        )
