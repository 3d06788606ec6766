"""What to do where a rule of a gate was inconclusive: a sentence, and the page where one does it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from evaluations.models import Evaluation
from workers.contract.specs.gate import RuleOutcome

NO_QUESTIONS = _(
    "No question was held out. Add a sheet with the columns 質問 and 回答, build the dataset again and evaluate "
    "this model on the new version."
)
MORE_QUESTIONS = _(
    "More questions decide it. Add a sheet with the columns 質問 and 回答, build the dataset again and evaluate "
    "this model on the new version."
)
NOTHING_HELD_OUT = _(
    "Nothing was held out to measure it on. Build a version that holds out more, train on it and evaluate again."
)
MORE_HELD_OUT = _(
    "More held-out records decide it. Add documents or hold out a larger share, train on the new version and "
    "evaluate again."
)


@dataclass(frozen=True)
class Remedy:
    sentence: Promise
    label: Promise
    """Of the button."""
    url: str


def remedy(evaluation: Evaluation, outcome: RuleOutcome) -> Remedy | None:
    """None where the rule was decided."""
    if outcome.verdict != "inconclusive":
        return None
    is_missing = outcome.reason == "not_measured"
    if outcome.rule.task == "question_answering":
        sentence = NO_QUESTIONS if is_missing else MORE_QUESTIONS
        return Remedy(sentence, _("Add a question sheet"), reverse("documents:index"))
    build = reverse("datasets:build", args=[evaluation.dataset_version.dataset_id])
    return Remedy(NOTHING_HELD_OUT if is_missing else MORE_HELD_OUT, _("Hold out more"), build)
