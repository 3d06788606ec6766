"""Drop units that repeat an earlier unit of the dataset. A kept pair inherits short answers that it lacks."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

from rensa import RMinHash

from workers.contract.specs.curation_steps import ExactDuplicateStep, NearDuplicateStep
from workers.engines.curation.facts import facts_key, words_key
from workers.engines.curation.similarity import signature
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit


@implements(ExactDuplicateStep)
def drop_exact_duplicates(
    step: ExactDuplicateStep, units: Iterable[Unit], context: StepContext
) -> Iterator[Unit]:
    log = context.log
    first: dict[bytes, str] = {}
    for unit in units:
        key = hashlib.sha256(f"{unit.kind}\n{words_key(unit.text)}".encode()).digest()
        if key in first:
            log.drop(unit, "exact_duplicate", step.detail("exact_duplicate", record=first[key]))
            context.short_answers.pass_on(unit, first[key])
        else:
            first[key] = unit.id
            yield unit


@implements(NearDuplicateStep)
def drop_near_duplicates(
    step: NearDuplicateStep, units: Iterable[Unit], context: StepContext
) -> Iterator[Unit]:
    """Texts are compared with texts, pairs with pairs, conversations with conversations.

    Only units that state the same are compared: of texts made from one template each holds a fact of its own.
    """
    log = context.log
    kept: dict[bytes, list[tuple[RMinHash, str]]] = defaultdict(list)
    """By what they state: the units kept so far, as signature and id."""
    for unit in units:
        same = kept[hashlib.sha256(f"{unit.kind}\n{facts_key(unit.text)}".encode()).digest()]
        minhash = signature(unit.text, step.ngram, step.permutations)
        similar = next((id_ for other, id_ in same if other.jaccard(minhash) >= step.threshold), None)
        if similar is not None:
            log.drop(unit, "near_duplicate", step.detail("near_duplicate", record=similar))
            context.short_answers.pass_on(unit, similar)
        else:
            same.append((minhash, unit.id))
            yield unit
