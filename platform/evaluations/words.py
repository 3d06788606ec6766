"""Metrics, rules and verdicts in people's words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

METRICS: dict[str, str | Promise] = {
    "bits_per_character": _("Bits per character"),
    "open_book_accuracy": _("Right answers, open book"),
    "closed_book_accuracy": _("Right answers, closed book"),
}

METRIC_SENTENCES: dict[str, str | Promise] = {
    "bits_per_character": _(
        "How surprised the model is by held-out text of your documents. Lower is better."
    ),
    "open_book_accuracy": _(
        "Held-out questions asked with the passage that holds the answer, as in chat. Higher is better."
    ),
    "closed_book_accuracy": _(
        "The same questions without the passage: what the model knows by itself. Higher is better."
    ),
}

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
