"""The steps of a recipe. Each is a generator `(step, units, log) -> units`; the order is the recipe's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from workers.engines.curation.steps.boilerplate import drop_boilerplate
from workers.engines.curation.steps.duplicates import drop_exact_duplicates, drop_near_duplicates
from workers.engines.curation.steps.filters import drop_noise, drop_short, normalize_text
from workers.engines.curation.steps.pairs import extract_pairs
from workers.engines.curation.steps.personal_data import mask_personal_data
from workers.engines.curation.steps.segment import segment
from workers.engines.curation.units import StepLog, Unit

StepFunction = Callable[[Any, Iterable[Unit], StepLog], Iterator[Unit]]

STEPS: dict[str, StepFunction] = {
    "normalize": normalize_text,
    "personal_data": mask_personal_data,
    "boilerplate": drop_boilerplate,
    "question_answer_pairs": extract_pairs,
    "segment": segment,
    "minimum_length": drop_short,
    "noise": drop_noise,
    "exact_duplicate": drop_exact_duplicates,
    "near_duplicate": drop_near_duplicates,
}
"""Every step but `split`, which needs to see all records at once (`workers.engines.curation.split`)."""
