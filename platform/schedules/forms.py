"""The form of a schedule: when it fires, and what its pipeline works on."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy

from curation.selectors import dataset_list
from evaluations.selectors import named_suites
from registry.models import BaseModelKind
from registry.selectors import base_model_list
from retrieval.selectors import knowledge_base_list
from schedules.models import Cadence
from schedules.timing import Timing

HOURS = [(hour, f"{hour}:00") for hour in range(24)]


class TimingForm(forms.Form):
    """The name and the times; both can be changed later."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        help_text=gettext_lazy("Shown in lists and in the note of each release that it creates."),
    )
    cadence = forms.ChoiceField(
        label=gettext_lazy("How often"),
        choices=Cadence.choices,
        initial=Cadence.WEEKLY,
        help_text=gettext_lazy("A run ends at once if nothing has changed since the last one."),
    )
    weekday = forms.TypedChoiceField(
        label=gettext_lazy("Weekday"),
        choices=WEEKDAYS.items(),
        coerce=int,
        initial=6,
        help_text=gettext_lazy("For “every week” only."),
    )
    day = forms.IntegerField(
        label=gettext_lazy("Day of the month"),
        min_value=1,
        max_value=28,
        initial=1,
        help_text=gettext_lazy("1 to 28, for “every month” only."),
    )
    hour = forms.TypedChoiceField(
        label=gettext_lazy("Hour"),
        choices=HOURS,
        coerce=int,
        initial=2,
        help_text=gettext_lazy("Training uses all available cores. Choose an hour with little use."),
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        initial="Asia/Tokyo",
        choices=lambda: [(zone, zone) for zone in sorted(available_timezones())],
        help_text=gettext_lazy("The hour is in this time zone, daylight saving included."),
    )

    def timing(self) -> Timing:
        return Timing.model_validate({name: self.cleaned_data[name] for name in Timing.model_fields})


class ScheduleForm(TimingForm):
    """The name, the times, and the inputs of the pipeline, which cannot be changed later."""

    dataset: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        label=gettext_lazy("Dataset"),
        queryset=None,
        empty_label=None,
        help_text=gettext_lazy("Each run builds its next version from the documents as they are then."),
    )
    base_model: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        label=gettext_lazy("Base model"),
        queryset=None,
        empty_label=None,
        help_text=gettext_lazy("The models of this schedule are trained from it."),
    )
    suffix = forms.RegexField(
        regex=r"^[a-z0-9-]{1,40}$",
        label=gettext_lazy("Model name"),
        initial="scheduled",
        max_length=40,
        help_text=gettext_lazy(
            "Versions of the same name are numbered. Use small letters, digits and hyphens."
        ),
        error_messages={"invalid": gettext_lazy("Use up to 40 small letters, digits and -.")},
    )
    incremental = forms.BooleanField(
        label=gettext_lazy("Continue from the newest version"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Otherwise every run starts from the base model again, which takes longer."),
    )
    suite: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        label=gettext_lazy("Suite"),
        queryset=None,
        required=False,
        empty_label=gettext_lazy("Default suite"),
        help_text=gettext_lazy(
            "The gate a new version must pass. If it fails, the candidate has the served model and a new index."
        ),
    )
    knowledge: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        label=gettext_lazy("Knowledge base"),
        queryset=None,
        required=False,
        empty_label=gettext_lazy("None: answers without sources"),
        help_text=gettext_lazy("Updated with each run. Its index becomes part of the release."),
    )
    alias = forms.RegexField(
        regex=r"^[a-z0-9][a-z0-9-]{0,39}$",
        label=gettext_lazy("Alias"),
        initial="production",
        max_length=40,
        help_text=gettext_lazy(
            "A candidate takes prompt and settings from the release served here. It is not "
            "published automatically: a person approves it first."
        ),
        error_messages={"invalid": gettext_lazy("Use small letters, digits and -.")},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        rows: dict[str, Any] = {
            "dataset": dataset_list().order_by("name"),
            "base_model": base_model_list().filter(kind=BaseModelKind.CAUSAL_LM).order_by("name"),
            "suite": named_suites(),
            "knowledge": knowledge_base_list().order_by("name"),
        }
        for name, found in rows.items():
            self.fields[name].queryset = found  # type: ignore[attr-defined]

    def when(self) -> list[forms.BoundField]:
        return [self[name] for name in TimingForm.base_fields]

    def retrained(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in TimingForm.base_fields]
