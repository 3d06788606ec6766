"""Training methods and objectives as data: what each learns from, and the settings of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from django.utils.translation import gettext_lazy as _

from training.models import MethodType
from training.words import GENERAL, Setting

RecordKind = Literal["texts", "examples"]
"""Running text; or pairs and conversations."""


@dataclass(frozen=True)
class Objective:
    """An objective of the engine (`workers/engines/training/objectives/`), as the platform needs it."""

    learns_from: RecordKind
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """The hyperparameters that only this objective uses. The console does not show `pair_forms`."""


OBJECTIVES: dict[str, Objective] = {
    "continued_pretraining": Objective("texts"),
    "supervised": Objective(
        "examples",
        {
            "pair_repeats": Setting(
                _("Repeats of questions"), _("How often a question-and-answer pair is seen in each epoch.")
            ),
            "pair_weight": Setting(
                _("Weight of answers"),
                _("The weight of an answer's token in the loss, beside 1 for a token of running text."),
            ),
            "open_book_distractors": Setting(
                _("Distracting passages"),
                _("How many passages of other questions are mixed in, so that the model learns to choose."),
            ),
        },
    ),
}

METHODS: dict[str, tuple[str, ...]] = {
    MethodType.SUPERVISED: ("supervised",),
    MethodType.CONTINUED_PRETRAINING: ("continued_pretraining", "supervised"),
}
"""The objectives of each `method.type`."""

HYPERPARAMETERS: dict[str, Setting] = GENERAL | {
    name: setting for objective in OBJECTIVES.values() for name, setting in objective.settings.items()
}
"""All settings of the form, in its order."""


def learns_from(method: str) -> set[RecordKind]:
    return {OBJECTIVES[name].learns_from for name in METHODS[method]}
