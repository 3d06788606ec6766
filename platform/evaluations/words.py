"""The texts shown for candidates, rules and verdicts. Tasks declare the texts of their metrics."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workers.contract.specs.gate import BASE, TUNED

CANDIDATES: dict[str, str | Promise] = {BASE: _("Base"), TUNED: _("Fine-tuned")}

VERDICT_STATES = {"passed": "passed", "failed": "not_passed", "inconclusive": "inconclusive"}
"""The names of the verdicts among the console's states."""

REQUIREMENTS: dict[str, str | Promise] = {
    "better_beyond_interval": _("must be better than the base model beyond the interval"),
    "not_worse": _("must not be worse than the base model"),
}

REASONS: dict[str, str | Promise] = {
    "better_beyond_interval": _("The whole interval of the difference lies on the better side."),
    "not_worse": _("On the same questions it is at least as good."),
    "within_interval": _("The difference is uncertain: its interval includes 0."),
    "worse": _("It is worse than the base model."),
    "too_few_items": _("Too few items were measured for a verdict."),
    "not_measured": _("It was not measured."),
}
