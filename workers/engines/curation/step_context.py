"""What a step works with beside its settings and its units: a log, models, batches and a check for stop requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

from workers.contract.records import DroppedRecord, document_name
from workers.contract.specs.curation import StepCount
from workers.engines.curation.duplicate_groups import DuplicateGroups
from workers.engines.curation.examples import ChangeExamples
from workers.engines.curation.short_answers import ShortAnswers
from workers.engines.curation.units import Unit
from workers.engines.shared.runtime import EngineFault, UserError

EXAMPLES_PER_STEP = 5
EXAMPLE_CHARACTERS = 200
SAMPLES_PER_KIND = 3
SAMPLE_CHARACTERS = 30
"""On each side."""


@dataclass
class StepLog:
    """One step's counts and what it dropped."""

    key: str
    """`noise`, or for example `noise:2` for the second step of this type in a recipe."""
    declared_reasons: Collection[str]
    dropped_file: IO[str]
    reasons: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, str]] = field(default_factory=list)
    samples: dict[str, list[str]] = field(default_factory=dict)
    """Of each kind of personal data a few places in the masked text."""
    changed: int = 0
    changes: ChangeExamples = field(init=False)
    hide: Sequence[Callable[[str], str]] = ()
    """Hides in an example what later steps mask."""
    units_in: int = 0
    units_out: int = 0
    characters_in: int = 0
    characters_out: int = 0
    characters_dropped: int = 0

    def __post_init__(self) -> None:
        self.changes = ChangeExamples(self.key, self.hide)

    def drop(self, unit: Unit, reason: str, detail: str = "", *, text: str | None = None) -> None:
        """Write the unit (or only `text` of it) to `dropped.jsonl`."""
        assert reason in self.declared_reasons, f"{self.key} does not declare the reason {reason}"
        dropped = unit.text if text is None else text
        record = DroppedRecord(step=self.key, reason=reason, detail=detail, text=dropped, origin=unit.origin)
        self.dropped_file.write(record.model_dump_json() + "\n")
        self.reasons[reason] += 1
        self.characters_dropped += len(dropped)
        if len(self.examples) < EXAMPLES_PER_STEP:
            place = unit.origin.type
            if source := unit.source:
                place = f"{document_name(unit.origin)} ({source.kind} {source.number})"
            self.examples.append({"reason": reason, "place": place, "text": dropped[:EXAMPLE_CHARACTERS]})

    def sample(self, kind: str, changed: str, token: str) -> None:
        """Keep what stands around the token of a kind in a masked text, for the first few finds of the kind."""
        samples = self.samples.setdefault(kind, [])
        if len(samples) < SAMPLES_PER_KIND and (at := changed.find(token)) >= 0:
            around = changed[max(0, at - SAMPLE_CHARACTERS) : at + len(token) + SAMPLE_CHARACTERS]
            if around not in samples:
                samples.append(around)

    def passed(self, before: Unit, after: Unit, shown: Callable[[], str] | None = None) -> Unit:
        """Count a change, if it is one, and return `after`. `shown` makes what an example shows as the text before."""
        if before.text != after.text:
            self.changed += 1
            self.changes.offer(before, after, shown)
        return after

    def count_in(self, units: Iterable[Unit]) -> Iterator[Unit]:
        for unit in units:
            self.units_in += 1
            self.characters_in += len(unit.text)
            yield unit

    def count_out(self, units: Iterable[Unit]) -> Iterator[Unit]:
        for unit in units:
            self.units_out += 1
            self.characters_out += len(unit.text)
            yield unit

    def count(self) -> StepCount:
        return StepCount(
            step=self.key,
            units_in=self.units_in,
            units_out=self.units_out,
            dropped=self.reasons.total(),
            changed=self.changed,
            characters_in=self.characters_in,
            characters_out=self.characters_out,
            characters_dropped=self.characters_dropped,
        )


@dataclass(frozen=True)
class StepContext:
    log: StepLog
    raise_if_stopped: Callable[[], None]
    """Raises RunStopped once the run has been asked to stop; a step that runs for long calls it regularly."""
    models: Mapping[str, Path] = field(default_factory=dict)
    batch_size: int = 64
    device: str = "cpu"
    short_answers: ShortAnswers = field(default_factory=ShortAnswers)
    """Of pairs that repeat an earlier one."""
    duplicates: DuplicateGroups = field(default_factory=DuplicateGroups)
    pseudonym_key: bytes = b""
    """Of the organization; empty where the run was given none."""

    def batches(self, units: Iterable[Unit]) -> Iterator[list[Unit]]:
        """Up to `batch_size` units at a time, in their order; the run may stop between two batches."""
        remaining = iter(units)
        while batch := list(islice(remaining, self.batch_size)):
            self.raise_if_stopped()
            yield batch

    def require_pseudonym_key(self) -> bytes:
        """Raises EngineFault `pseudonym_key_missing` where the run was given none."""
        if not self.pseudonym_key:
            raise EngineFault(
                "pseudonym_key_missing",
                f"The step {self.log.key} makes pseudonyms, but the run was given no key for them.",
            )
        return self.pseudonym_key

    def model_folder(self, name: str) -> Path:
        """Raises UserError `step_model_missing` where the run was given no model of this name."""
        if name not in self.models:
            raise UserError(
                "step_model_missing",
                f"The step {self.log.key} needs a model that the job does not name: {name}.",
                param=name,
                model=name,
            )
        return self.models[name]
