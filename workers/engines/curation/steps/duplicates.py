"""Drop units that repeat an earlier unit of the dataset. A kept pair inherits short answers that it lacks.

Of a kept unit a digest and a number stay in memory; what near-duplicates are compared with is in a file.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import IO

from workers.contract.specs.curation_steps import ExactDuplicateStep, NearDuplicateStep
from workers.engines.curation.digest_map import DigestMap
from workers.engines.curation.facts import facts_key, words_key
from workers.engines.curation.similarity import signature
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit


@implements(ExactDuplicateStep)
def drop_exact_duplicates(
    step: ExactDuplicateStep, units: Iterable[Unit], context: StepContext
) -> Iterator[Unit]:
    first = DigestMap()
    for unit in units:
        known = first.setdefault(_digest(unit, words_key(unit.text)), int(unit.id, 16))
        if known is None:
            yield unit
        else:
            kept = f"{known:016x}"
            _drop(context, unit, "exact_duplicate", step.detail("exact_duplicate", record=kept), kept)


@implements(NearDuplicateStep)
def drop_near_duplicates(
    step: NearDuplicateStep, units: Iterable[Unit], context: StepContext
) -> Iterator[Unit]:
    """Texts are compared with texts, pairs with pairs, conversations with conversations.

    Only units that state the same are compared: of texts made from one template each holds a fact of its own.
    """
    with tempfile.TemporaryFile("w+b") as file:
        kept = _KeptUnits(step, file)
        for unit in units:
            similar = kept.similar(unit)
            if similar is None:
                yield unit
            else:
                detail = step.detail("near_duplicate", record=similar)
                _drop(context, unit, "near_duplicate", detail, similar)


class _KeptUnits:
    """The units kept so far: by what they state, where the id and the text of each begin in the file."""

    def __init__(self, step: NearDuplicateStep, file: IO[bytes]) -> None:
        self._step, self._file = step, file
        self._end = 0
        self._first = DigestMap()
        self._more: defaultdict[int, list[int]] = defaultdict(list)
        """Further units that state the same as the first in other words than the threshold allows."""

    def similar(self, unit: Unit) -> str | None:
        """The id of the unit that this one repeats; else it is kept, and None is returned."""
        place = self._end
        first = self._first.setdefault(_digest(unit, facts_key(unit.text)), place)
        if first is not None:
            own = signature(unit.text, self._step.ngram, self._step.permutations)
            for other in (first, *self._more.get(first, ())):
                id, text = self._read(other)
                other_signature = signature(text, self._step.ngram, self._step.permutations)
                if other_signature.jaccard(own) >= self._step.threshold:
                    return id
            self._more[first].append(place)
        line = json.dumps([unit.id, unit.text]).encode() + b"\n"
        self._file.write(line)
        self._end += len(line)
        return None

    def _read(self, place: int) -> tuple[str, str]:
        self._file.seek(place)
        id, text = json.loads(self._file.readline())
        self._file.seek(self._end)
        return id, text


def _drop(context: StepContext, unit: Unit, reason: str, detail: str, kept: str) -> None:
    context.log.drop(unit, reason, detail)
    context.duplicates.add(unit, kept, context.log.key, reason)
    context.short_answers.pass_on(unit, kept)


def _digest(unit: Unit, key: str) -> bytes:
    return hashlib.sha256(f"{unit.kind}\n{key}".encode()).digest()
