"""The forms of the dataset pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from curation.selectors import recipe_list
from jobs.forms import PlacementForm


class DatasetForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=200,
        help_text=_(
            "What the collection is about, for example “Company regulations”. Shown wherever it is used."
        ),
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For colleagues: what belongs in it and who looks after it."),
    )
    recipe = forms.ChoiceField(
        label=_("Recipe"),
        required=False,
        help_text=_(
            "The steps that turn pages into training records. The default one masks personal data, drops "
            "boilerplate and duplicates, and finds questions and answers."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["recipe"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("Default recipe")),
            *((recipe.id, recipe.name) for recipe in recipe_list().order_by("name")[:100]),
        ]


class BuildForm(PlacementForm):
    heldout_percent = forms.IntegerField(
        label=_("Held out, in percent"),
        initial=10,
        min_value=0,
        max_value=50,
        help_text=_("Share of records kept away from training, to measure the model on. 10 is usual."),
    )
