"""Which records two versions have in common, and which of the others are two wordings of one text.

The indexes are read side by side. What is in one of them alone waits on the disk, in parts of whole documents, so that the
memory depends on the largest documents and not on the versions. Of each kind of difference the first `MOST_LISTED` are
listed; all are counted.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from pathlib import Path
from typing import IO

from workers.contract.record_index import CONTENT_BYTES, ROW_BYTES, Row, read_index, row_of

MOST_LISTED = 10_000
MOST_DOCUMENTS = 100_000
"""Whose differences are counted one by one."""
PARTS = 64
PART_IN_MEMORY = 1 << 20
MOST_PAIRED = 100_000
"""Rows of both versions. So many take seconds; documents whose turn comes later have their records added and removed."""
COMMON = 64
"""A feature of so many records of one document says nothing of any of them."""
MOST_ALIKE, ALIKE = 2 / 3, 1 / 3
"""Shares of features in common: the surest pairs are made first."""
_DOCUMENT_AT = CONTENT_BYTES

Pair = tuple[int | None, int | None]
"""Where a record stands in the old and in the new version's file, in bytes."""


@dataclass
class DocumentDifferences:
    added: int = 0
    removed: int = 0
    changed: int = 0


class FirstOf:
    """The count of all differences of a kind, and the first of them in the order of the file."""

    def __init__(self) -> None:
        self.count = 0
        self._heap: list[tuple[int, Pair]] = []

    def add(self, old: int | None, new: int | None) -> None:
        self.count += 1
        place = new if new is not None else old
        assert place is not None, "a difference has a record in one of the versions"
        entry = (-place, (old, new))
        if len(self._heap) < MOST_LISTED:
            heappush(self._heap, entry)
        else:
            heappushpop(self._heap, entry)

    def pairs(self) -> list[Pair]:
        return [pair for _, pair in sorted(self._heap, reverse=True)]


@dataclass
class Alignment:
    same: int = 0
    added: FirstOf = field(default_factory=FirstOf)
    removed: FirstOf = field(default_factory=FirstOf)
    changed: FirstOf = field(default_factory=FirstOf)
    moved: FirstOf = field(default_factory=FirstOf)
    """Records of both that are held out of training in one alone."""
    documents: dict[bytes, DocumentDifferences] = field(default_factory=dict)
    """By `record_index.document_digest`."""
    left_to_pair: int = field(default_factory=lambda: MOST_PAIRED)


def align(old: Path, new: Path) -> Alignment:
    """Of two indexes of records."""
    found = Alignment()
    with ExitStack() as files:
        parts = [files.enter_context(tempfile.SpooledTemporaryFile(PART_IN_MEMORY)) for _ in range(2 * PARTS)]
        for is_new, row in _in_one_alone(read_index(old), read_index(new), found):
            parts[2 * (row[_DOCUMENT_AT] % PARTS) + is_new].write(row)
        for number in range(PARTS):
            gone, came = (_by_document(parts[2 * number + is_new]) for is_new in (0, 1))
            for document in sorted(gone.keys() | came.keys()):
                _align_document(document, gone.get(document, []), came.get(document, []), found)
    return found


def _in_one_alone(
    old: Iterator[bytes], new: Iterator[bytes], found: Alignment
) -> Iterator[tuple[bool, bytes]]:
    """Rows whose content the other version lacks, each with whether it is new; what both have is counted."""
    one, other = next(old, None), next(new, None)
    while one is not None and other is not None:
        left, right = one[:CONTENT_BYTES], other[:CONTENT_BYTES]
        if left < right:
            yield False, one
            one = next(old, None)
        elif left > right:
            yield True, other
            other = next(new, None)
        else:
            found.same += 1
            before, after = row_of(one), row_of(other)
            if before.is_heldout != after.is_heldout:
                found.moved.add(before.offset, after.offset)
            one, other = next(old, None), next(new, None)
    yield from ((False, row) for row in _rest(one, old))
    yield from ((True, row) for row in _rest(other, new))


def _rest(row: bytes | None, rows: Iterator[bytes]) -> Iterator[bytes]:
    if row is not None:
        yield row
        yield from rows


def _by_document(part: IO[bytes]) -> dict[bytes, list[Row]]:
    part.seek(0)
    rows: defaultdict[bytes, list[Row]] = defaultdict(list)
    while packed := part.read(ROW_BYTES):
        row = row_of(packed)
        rows[row.document].append(row)
    return rows


def _align_document(document: bytes, gone: list[Row], came: list[Row], found: Alignment) -> None:
    gone.sort(key=lambda row: row.offset)
    came.sort(key=lambda row: row.offset)
    differences = DocumentDifferences()
    found.left_to_pair -= len(gone) + len(came)
    partner = _partners(gone, came) if found.left_to_pair >= 0 else {}
    for number, row in enumerate(gone):
        if number in partner:
            found.changed.add(row.offset, came[partner[number]].offset)
            differences.changed += 1
        else:
            found.removed.add(row.offset, None)
            differences.removed += 1
    for number in set(range(len(came))).difference(partner.values()):
        found.added.add(None, came[number].offset)
        differences.added += 1
    if len(found.documents) < MOST_DOCUMENTS:
        found.documents[document] = differences


def _partners(gone: list[Row], came: list[Row]) -> dict[int, int]:
    """For the number of an old row that of the new one which is most like it, where one is alike enough."""
    having: defaultdict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(came):
        for feature in row.features:
            having[feature].append(number)
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for least in (MOST_ALIKE, ALIKE):
        for number, row in enumerate(gone):
            if number not in partner and (best := _best(row, came, having, taken, least)) is not None:
                partner[number] = best
                taken.add(best)
    return partner


def _best(
    row: Row, came: list[Row], having: Mapping[int, Sequence[int]], taken: set[int], least: float
) -> int | None:
    votes = Counter(
        other
        for feature in row.features
        if len(others := having.get(feature, ())) <= COMMON
        for other in others
        if other not in taken
    )
    alike = [
        (-count, other)
        for other, count in votes.items()
        if count >= least * max(1, min(len(row.features), len(came[other].features)))
    ]
    return min(alike)[1] if alike else None
