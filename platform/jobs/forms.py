"""Form fields that say where a job runs and how soon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from jobs.clusters import cluster_default, cluster_get
from jobs.selectors import cluster_list
from jobs.types import Placement

PRIORITIES = (
    (10, pgettext_lazy("priority", "High")),
    (0, pgettext_lazy("priority", "Normal")),
    (-10, pgettext_lazy("priority", "Low")),
)


class ChoiceWithDefault(forms.ChoiceField):
    """Always has a value: the initial one where none is sent."""

    def clean(self, value: Any) -> Any:
        return super().clean(value or self.initial)


class PlacementForm(forms.Form):
    """The base of a form that submits a job. Its fields come last; one cluster alone is not asked for."""

    cluster = ChoiceWithDefault(label=_("Cluster"), help_text=_("The machines that the job runs on."))
    priority = ChoiceWithDefault(
        label=_("Priority"),
        choices=PRIORITIES,
        initial=0,
        help_text=_(
            "Orders the waiting jobs of your organization. A job that already runs is not interrupted."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        default = cluster_default().name
        names = cluster_list().filter(is_active=True).order_by("name").values_list("name", flat=True)
        self.fields["cluster"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["cluster"].initial = default
        if len(names) < 2:
            del self.fields["cluster"]
        own = [name for name in self.fields if name not in PlacementForm.base_fields]
        self.order_fields([*own, *PlacementForm.base_fields])

    def where(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in PlacementForm.base_fields if name in self.fields)

    def placement(self) -> Placement:
        """Of a valid form."""
        name = self.cleaned_data.get("cluster")
        return Placement(
            cluster=cluster_get(name, param="cluster") if name else None,
            priority=int(self.cleaned_data["priority"]),
        )
