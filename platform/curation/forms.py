"""The forms of the dataset pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from curation.choice import DocumentRule
from curation.offer import MOST_TICKED
from curation.selectors import recipe_list
from documents.kinds import KINDS
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
    """The documents come first: a rule, and the ids of those that are ticked (`document`)."""

    search = forms.CharField(label=_("Search names and titles"), required=False, max_length=500)
    folder = forms.CharField(label=_("Folder"), required=False, max_length=500)
    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=[("", _("Every kind")), *((name, label) for name, (label, _types) in KINDS.items())],
    )
    mode = forms.ChoiceField(
        label=_("What goes into the version"), choices=[("rule", ""), ("named", "")], required=False
    )
    heldout_percent = forms.IntegerField(
        label=_("Held out, in percent"),
        initial=10,
        min_value=0,
        max_value=50,
        help_text=_(
            "Share of records kept away from training, to measure the model on. 10 is usual. Records that say nearly the "
            "same stay together, and some are always held out, so with few records the share may be larger."
        ),
    )
    without_evaluation = forms.BooleanField(
        label=_("No evaluation follows"),
        required=False,
        help_text=_(
            "Only then may nothing be held out. A model trained on this version cannot be measured on it, so it "
            "cannot be released."
        ),
    )

    def rule(self) -> DocumentRule:
        """Of what was sent, whether the rest of the form is valid or not."""
        given = {name: self.cleaned_data.get(name) or "" for name in ("search", "folder", "kind")}
        return DocumentRule.model_validate(given)

    @property
    def is_named(self) -> bool:
        # A message beside the choice takes it out of `cleaned_data`.
        return bool(self.data.get("mode") == "named")

    def ticked(self) -> list[str]:
        return list(dict.fromkeys(self.data.getlist("document")))  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        if self.is_named and not self.ticked():
            self.add_error(
                "mode",
                gettext("Tick at least one document, or choose “%(every)s”.") % {"every": self.rule().label},
            )
        if len(self.ticked()) > MOST_TICKED:
            self.add_error(
                "mode",
                gettext("Tick at most %(most)d documents; choose more by folder, kind or search.")
                % {"most": MOST_TICKED},
            )
        return self.cleaned_data
