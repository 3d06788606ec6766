"""Why something failed: the columns that keep an engine's `RunError`, and its sentences in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workers.contract.specs.run import RunError

Label = str | Promise


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

    def set_error(self, code: str = "", message: str = "") -> None:
        """An error without values, or none. Does not save."""
        self.error_code, self.error_message, self.error_param, self.error_values = code, message, "", {}

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


_AGAIN = _("Start it again. If it fails again, show your operator the code below.")


def _system(what: Label) -> ErrorText:
    return ErrorText(what, _AGAIN)


SYSTEM_ERROR = _system(_("It failed because of an internal error."))
"""For a code of the system without a text of its own."""

_MODEL_FOLDER = _("Have your operator look at the model's folder, or choose another model.")
SHARED_ERRORS: Mapping[str, ErrorText] = {
    "system.lost": _system(
        _("The process or its machine was lost: it was killed, or showed no sign of life.")
    ),
    "system.out_of_memory": _system(_("The memory did not suffice.")),
    "system.stalled": _system(_("It was ended because it made no progress for far longer than usual.")),
    "system.stopped": _system(_("Something other than the platform told the process to stop.")),
    "system.crashed": _system(_("The process crashed.")),
    "system.disk_full": _system(_("The disk was full.")),
    "system.launch_failed": _system(_("It could not be started.")),
    "system.result_missing": _system(_("It ended without leaving a result.")),
    "user.adapter_unsafe": ErrorText(
        _("The model's weights are not in the safetensors format."), _MODEL_FOLDER
    ),
    "user.adapter_mismatch": ErrorText(
        _("The adapter does not fit the base model."),
        _("Choose a version that was trained on this base model, or train it again."),
    ),
    "user.broken_record": ErrorText(
        _("A file of the dataset version holds a line that is not a record."),
        _("Build a new dataset version from the same documents, and start again."),
        _("Line %(line)s of %(file)s of the dataset version is not a record."),
    ),
}
"""What every engine, or the part that all engines share, may end with; by the part of the code after the name."""
