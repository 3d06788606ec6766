"""Labels of the generation settings; a test compares their sentences with the docstrings of `GenerationSettings`."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

PRODUCTION = "production"

GENERATION: dict[str, tuple[str | Promise, str | Promise]] = {
    "max_tokens": (_("Max answer length"), _("Longest answer, in tokens.")),
    "temperature": (
        _("Temperature"),
        _("0 always takes the likeliest next token; higher is more varied."),
    ),
    "top_p": (
        _("Top p"),
        _("Considers only the likeliest tokens that together have this probability."),
    ),
    "passages": (
        _("Passages"),
        _("How many passages of the knowledge base are put before the question."),
    ),
}


def alias_label(alias: str) -> str:
    """The name on screen. Programs use `alias` itself."""
    return pgettext("alias", "production") if alias == PRODUCTION else alias
