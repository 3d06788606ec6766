"""The texts shown for candidates, rules and verdicts. Tasks declare the texts of their metrics."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workers.contract.specs.gate import BASE, TUNED

CANDIDATES: dict[str, str | Promise] = {BASE: _("Base"), TUNED: _("Fine-tuned")}

REQUIREMENTS: dict[str, str | Promise] = {
    "better_beyond_interval": _("must be better than the base model beyond the interval"),
    "not_worse": _("must not be worse than the base model"),
}

REASONS: dict[str, str | Promise] = {
    "better_beyond_interval": _("The whole interval of the difference lies on the better side."),
    "not_worse": _("On the same questions it is at least as good."),
    "within_interval": _("It is better, but the interval includes no difference at all: it may be chance."),
    "worse": _("It is worse than the base model."),
    "too_few_items": _("Too few items were measured for a verdict."),
    "not_measured": _("It was not measured."),
}
