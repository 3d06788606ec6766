"""Why something failed: the columns that keep an engine's `RunError`, and its sentences in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext

from common.errors import KoshaError
from common.language import in_readers_language
from workers.contract.specs.run import RunError

Label = str | Promise
_SENTENCE = "sentence"
"""The name, among the values of a refusal, of the sentence that they fill."""


class FailureModel(models.Model):
    """A row that holds why it failed; the columns are empty while it has not."""

    error_code = models.CharField(max_length=120, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    """The engine's own English sentence, for logs and for the API."""
    error_param = models.CharField(max_length=500, blank=True, default="")
    error_values = models.JSONField(default=dict, blank=True)
    """By name what the sentences in the reader's language are filled with: text and numbers."""

    class Meta:
        abstract = True

    def set_error(self, code: str = "", message: str = "", values: Mapping[str, Any] | None = None) -> None:
        """An error of the platform, or none. Does not save."""
        self.error_code, self.error_message, self.error_param = code, message, ""
        self.error_values = dict(values or {})

    def set_refusal(self, error: KoshaError) -> None:
        """What the platform refused to do. Call it in `stored_language`. Does not save."""
        values = {**error.values, _SENTENCE: str(error.sentence)} if error.values else {}
        self.set_error(error.code, str(error.message), values)

    def own_sentence(self) -> str:
        """The stored message; where the platform has worded it, in the reader's language."""
        if sentence := self.error_values.get(_SENTENCE):
            return gettext(sentence) % self.error_values
        return in_readers_language(self.error_message)

    def copy_error(self, other: FailureModel) -> None:
        """Take over what `other` failed with. Does not save."""
        for name in ("error_code", "error_message", "error_param", "error_values"):
            setattr(self, name, getattr(other, name))


def error_columns(error: RunError) -> dict[str, Any]:
    """The columns of a FailureModel."""
    return {
        "error_code": error.code,
        "error_message": error.message,
        "error_param": error.param or "",
        "error_values": dict(error.values),
    }


@dataclass(frozen=True)
class ErrorText:
    """An error code in the reader's language."""

    what: Label
    """What happened, without the values of the case."""
    remedy: Label
    """What to do about it."""
    exactly: Label = ""
    """What happened, with the engine's values in the place of `%(name)s`; empty where there are none."""

    def told(self, values: Mapping[str, Any]) -> ErrorText:
        """With the exact sentence in the place of `what`, if `values` has all that it names."""
        if not self.exactly or not values:
            return self
        try:
            what = str(self.exactly) % {name: _shown(value) for name, value in values.items()}
        except (KeyError, TypeError, ValueError):
            return self
        return ErrorText(what, self.remedy)


def _shown(value: str | float) -> str:
    """`12,345` and `12.3`; at most one digit after the point."""
    if isinstance(value, str):
        return value
    text = f"{value:.1f}".removesuffix(".0")
    return number_format(Decimal(text), force_grouping=True)
