"""Drop units that repeat an earlier unit of the dataset."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

from workers.contract.specs.curation_steps import ExactDuplicateStep, NearDuplicateStep
from workers.engines.curation.similarity import SimilarityIndex, signature
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit
from workers.engines.shared.text import compare_key


@implements(ExactDuplicateStep)
def drop_exact_duplicates(
    step: ExactDuplicateStep, units: Iterable[Unit], context: StepContext
) -> Iterator[Unit]:
    log = context.log
    first: dict[bytes, str] = {}
    for unit in units:
        key = hashlib.sha256(f"{unit.kind}\n{compare_key(unit.text)}".encode()).digest()
        if key in first:
            log.drop(unit, "exact_duplicate", f"same as {first[key]}")
        else:
            first[key] = unit.id
            yield unit


@implements(NearDuplicateStep)
def drop_near_duplicates(
    step: NearDuplicateStep, units: Iterable[Unit], context: StepContext
) -> Iterator[Unit]:
    """Texts are compared with texts, pairs with pairs, conversations with conversations."""
    log = context.log
    indexes: dict[str, SimilarityIndex] = defaultdict(
        lambda: SimilarityIndex(step.threshold, step.permutations)
    )
    ids: dict[str, list[str]] = defaultdict(list)
    for unit in units:
        index, minhash = indexes[unit.kind], signature(unit.text, step.ngram, step.permutations)
        similar = index.similar(minhash)
        if similar:
            log.drop(unit, "near_duplicate", f"like {ids[unit.kind][similar[0]]}")
        else:
            index.add(minhash)
            ids[unit.kind].append(unit.id)
            yield unit
