"""The form that starts an evaluation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from curation.models import DatasetVersion
from curation.selectors import heldout_records, ready_versions
from evaluations.selectors import named_suites
from jobs.forms import PlacementForm
from registry.models import BaseModelKind
from registry.selectors import base_model_list, model_version_list


class VersionChoice(forms.ModelChoiceField):
    def label_from_instance(self, version: DatasetVersion) -> str:  # type: ignore[override]
        if heldout_records(version):
            return str(version)
        return _("%(version)s (nothing is held out)") % {"version": version}


class EvaluationForm(PlacementForm):
    model = forms.ChoiceField(
        label=gettext_lazy("Model"),
        help_text=gettext_lazy(
            "A version is measured beside its base model. A base model alone gets figures but no verdict."
        ),
    )
    dataset_version = VersionChoice(
        label=gettext_lazy("Measure on"),
        queryset=None,
        empty_label=None,
        help_text=gettext_lazy(
            "The held-out records of a dataset version: best the one the model was trained on."
        ),
    )
    suite: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        label=gettext_lazy("Suite"),
        queryset=None,
        required=False,
        empty_label=gettext_lazy("Default suite"),
        help_text=gettext_lazy(
            "What is measured, and the gate. Default: bits per character must be better beyond the "
            "interval, open-book answers must not be worse."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["model"].choices = _models()  # type: ignore[attr-defined]
        self.fields["dataset_version"].queryset = ready_versions()  # type: ignore[attr-defined]
        self.fields["suite"].queryset = named_suites()  # type: ignore[attr-defined]
        # Without a suite there is nothing to choose.
        if not named_suites().exists():
            del self.fields["suite"]


def _models() -> list[tuple[str, list[tuple[str, str]]]]:
    versions = model_version_list().order_by("-id")[:100]
    bases = base_model_list().filter(kind=BaseModelKind.CAUSAL_LM).order_by("name")
    groups = [
        (_("Your versions"), [(one.name, f"{one} ({one.base_model})") for one in versions]),
        (_("Base models"), [(one.name, one.name) for one in bases]),
    ]
    return [group for group in groups if group[1]]
