"""What repeats what: for each kept record the units that were dropped for it, for people who ask why. Bounded in size."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from workers.contract.records import RECORD, DuplicateGroup, KeptBecause, Origin, Repetition, source_of
from workers.engines.curation.units import Unit, read_lines

MOST_GROUPS = 1_000
MOST_SHOWN = 20
"""Repetitions of one record that are kept with their texts."""
MOST_CHARACTERS = 1_000
"""Of each text."""


class DuplicateGroups:
    def __init__(self) -> None:
        self.count = 0
        """Dropped repetitions."""
        self._sizes: Counter[str] = Counter()
        self._shown: dict[str, list[Repetition]] = {}

    def add(self, dropped: Unit, kept: str, step: str, reason: str) -> None:
        """`dropped` repeats the unit of the id `kept`."""
        self.count += 1
        if kept not in self._shown and len(self._shown) == MOST_GROUPS:
            return
        self._sizes[kept] += 1
        shown = self._shown.setdefault(kept, [])
        if len(shown) < MOST_SHOWN:
            shown.append(
                Repetition(
                    step=step, reason=reason, text=dropped.text[:MOST_CHARACTERS], origin=dropped.origin
                )
            )

    def write(self, path: Path, records: Path) -> None:
        """The largest groups first. A kept unit that a later step dropped or changed is in none: its id is gone."""
        groups = []
        for line in read_lines(records) if self._shown else ():
            if _id_in(line) in self._shown:
                record = RECORD.validate_json(line)
                groups.append(
                    DuplicateGroup(
                        record_id=record.id,
                        text=record.content[:MOST_CHARACTERS],
                        origin=record.origin,
                        repetitions=self._sizes[record.id],
                        kept_because=_why(record.origin, self._shown[record.id]),
                        shown=tuple(self._shown[record.id]),
                    )
                )
        groups.sort(key=lambda group: (-group.repetitions, group.record_id))
        path.write_text("".join(group.model_dump_json() + "\n" for group in groups), encoding="utf-8")


def _id_in(line: str) -> str:
    """Of a record as this engine writes it, without reading the rest."""
    return line.partition('"id":"')[2].partition('"')[0]


def _why(kept: Origin, repetitions: list[Repetition]) -> KeptBecause:
    """Sources are read newest first, so of two documents the copy in the newer one is met first."""
    source = source_of(kept)
    revisions = {each.revision_id for repetition in repetitions if (each := source_of(repetition.origin))}
    return "first_in_document" if source and revisions <= {source.revision_id} else "newest_document"
