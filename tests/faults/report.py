"""The storm in a table: what was done, what each job went through, and what must be 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.faults.checks import Row
from tests.faults.evidence import Evidence, summary

SHOWN = 8


@dataclass
class Record:
    seed: int
    minutes: float
    happened: list[tuple[float, str, str]] = field(default_factory=list)
    """Seconds, kind, what was done."""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    impossible: set[str] = field(default_factory=set)
    """Kinds that this machine cannot be made to suffer."""
    answers: Counter[str] = field(default_factory=Counter)

    def skip(self, kind: str, why: str, *, is_impossible: bool) -> None:
        self.skipped.append((kind, why))
        if is_impossible:
            self.impossible.add(kind)

    def kinds_done(self) -> set[str]:
        return {kind for _, kind, _ in self.happened}

    def never_done(self) -> list[str]:
        """Kinds that were planned and never found anybody to happen to, though they could."""
        return sorted({kind for kind, _ in self.skipped} - self.kinds_done() - self.impossible)


def render(record: Record, evidence: Evidence, rows: Sequence[Row]) -> str:
    return "\n".join(
        [
            f"seed {record.seed}, {record.minutes:g} minutes, {len(record.happened)} faults",
            *_section("Faults", _faults(record)),
            *_section("Jobs", _jobs(evidence)),
            *_section("Trainings", _trainings(evidence)),
            *_section("Answers of the API", _answers(record)),
            *_section("Must be 0", _verdicts(rows)),
        ]
    )


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return ["", title, "-" * len(title), *lines]


def _faults(record: Record) -> list[str]:
    done = Counter(kind for _, kind, _ in record.happened)
    skipped = Counter(record.skipped)
    lines = [f"{count:4}  {kind}" for kind, count in sorted(done.items())]
    return lines + [f"   -  {kind}: {why} ({count})" for (kind, why), count in sorted(skipped.items())]


def _jobs(evidence: Evidence) -> list[str]:
    lines = [
        f"{kind:9} " + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        for kind, states in sorted(summary(evidence.jobs).items())
    ]
    reasons = Counter((job.error_code, job.error_message) for job in evidence.jobs if job.state == "failed")
    return lines + [f"{count:4}  {code}: {message}" for (code, message), count in sorted(reasons.items())]


def _trainings(evidence: Evidence) -> Iterable[str]:
    names = evidence.recipes | dict.fromkeys(evidence.references.values(), "uninterrupted")
    for job in evidence.jobs:
        if job.kind == "training":
            path = " > ".join(_attempt(attempt) for attempt in job.attempts)
            recipe = names.get(job.id, "given up")
            yield f"{recipe:13} {job.state:9} {path} {job.error_code}"


def _attempt(attempt: object) -> str:
    resumed, last = getattr(attempt, "resumed_from", None), getattr(attempt, "last_step", None)
    return f"{resumed or 0}–{last or 0}"


def _answers(record: Record) -> list[str]:
    return [f"{count:6}  {what}" for what, count in sorted(record.answers.items())]


def _verdicts(rows: Sequence[Row]) -> Iterable[str]:
    for row in rows:
        yield f"{row.count:4}  {row.name}"
        yield from (f"        {what}" for what in row.violations[:SHOWN])
        if row.count > SHOWN:
            yield f"        and {row.count - SHOWN} more"
