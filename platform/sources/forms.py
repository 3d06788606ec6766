"""The forms of a source: a folder that the operator allows, or a bucket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from pydantic import ValidationError

from sources.places import BucketPlace, FolderPlace

INTERVALS = (
    (15, _("every 15 minutes")),
    (60, _("every hour")),
    (360, _("every 6 hours")),
    (1440, _("every day")),
    (0, _("by hand only")),
)


PLACE = ("endpoint", "bucket", "prefix", "region", "access_key")


class IntervalForm(forms.Form):
    interval_minutes = forms.TypedChoiceField(
        label=_("How often"),
        choices=INTERVALS,
        coerce=int,
        initial=60,
        help_text=_("Only new and changed files are read."),
    )

    def __init__(self, *args: Any, interval: int | None = None, **options: Any) -> None:
        """`interval`: what the API has set may be none of the usual ones."""
        super().__init__(*args, **options)
        if interval is not None and interval not in dict(INTERVALS):
            field: Any = self.fields["interval_minutes"]
            field.choices = [*INTERVALS, (interval, _("every %(n)d minutes") % {"n": interval})]


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("The documents are named after it: “name/folder/file”. It cannot be changed later."),
    )


class FolderForm(IntervalForm):
    folder = forms.ChoiceField(
        label=_("Folder"), help_text=_("Your operator decides which folders are offered here.")
    )
    field_order = ("name", "folder")

    def __init__(self, *args: Any, folders: Iterable[str], **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["folder"]
        field.choices = [(name, name) for name in folders]

    def place(self) -> FolderPlace:
        return FolderPlace(folder=self.cleaned_data["folder"])


class BucketForm(IntervalForm):
    endpoint = forms.CharField(
        label=_("Address"), max_length=300, help_text=_("For example https://s3.example.co.jp:9000")
    )
    bucket = forms.CharField(label=_("Bucket"), max_length=63)
    inside = forms.CharField(
        label=_("Folder in the bucket"), required=False, max_length=500, help_text=_("Empty: all of it.")
    )
    region = forms.CharField(label=_("Region"), max_length=40, initial="us-east-1")
    access_key = forms.CharField(label=_("Access key"), required=False, max_length=200)
    secret_key = forms.CharField(
        label=_("Secret key"),
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("It is stored encrypted and never shown again. A key that may only read is enough."),
    )
    field_order = ("name", "endpoint", "bucket", "inside", "region", "access_key", "secret_key")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        # A form has a `prefix` of its own.
        given["prefix"] = given.pop("inside", "")
        try:
            given["place"] = BucketPlace(**{name: given.get(name, "") for name in PLACE})
        except ValidationError as error:
            for problem in error.errors():
                name = str(problem["loc"][0]).replace("prefix", "inside")
                if name not in self.errors:
                    self.add_error(name, _("This is not a valid value here."))
        return given

    def place(self) -> BucketPlace:
        place: BucketPlace = self.cleaned_data["place"]
        return place


class NewFolderForm(NameForm, FolderForm):
    pass


class NewBucketForm(NameForm, BucketForm):
    pass
