"""Accepted short answers of pairs that were dropped as repetitions, for the pairs that were kept in their place."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from workers.contract.records import RECORD, PairRecord
from workers.engines.curation.units import Unit, read_lines


class ShortAnswers:
    """A kept pair has long gone on when its repetition is met, so what it inherits is added after the last step."""

    def __init__(self) -> None:
        self._dropped: defaultdict[str, list[Unit]] = defaultdict(list)
        """By the id of the kept pair, in their order."""

    def pass_on(self, dropped: Unit, kept: str) -> None:
        """`dropped` repeats the unit of the id `kept`."""
        if dropped.pair is not None:
            self._dropped[kept].append(dropped)

    def of(self, id: str) -> tuple[str, ...]:
        """Of the first pair dropped for this one that has any; empty if none has."""
        waiting, seen = [id], set[str]()
        while waiting:
            if (each := waiting.pop()) in seen:
                continue
            seen.add(each)
            for unit in self._dropped.get(each, ()):
                if unit.pair is not None and unit.pair.accepted:
                    return unit.pair.accepted
                waiting.append(unit.id)
        return ()

    def add_to(self, records: Path) -> None:
        """Rewrite the file of records where a pair without short answers inherits some."""
        if not self._dropped:
            return
        partial = records.with_suffix(".partial")
        with open(partial, "w", encoding="utf-8") as file:
            for line in read_lines(records):
                record = RECORD.validate_json(line)
                if isinstance(record, PairRecord) and not record.accepted and (found := self.of(record.id)):
                    line = record.model_copy(update={"accepted": found}).model_dump_json() + "\n"
                file.write(line)
        partial.replace(records)
