"""The forms of the settings pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Role

ROLE_SENTENCES = {
    Role.VIEWER: _("Reads everything and asks questions."),
    Role.REVIEWER: _("Also approves or rejects releases."),
    Role.EDITOR: _("Also uploads, trains, evaluates and prepares releases; does not approve."),
    Role.ADMIN: _("All of that, and publishes, manages members and keys, and reads the audit trail."),
    Role.OWNER: _("Like an administrator. Only owners add and remove owners."),
}


def role_choices(by_role: str | None) -> list[tuple[str, Any]]:
    """The roles that a person with `by_role` may give: only owners make owners."""
    return [(role, label) for role, label in Role.choices if role != Role.OWNER or by_role == Role.OWNER]


class RoleForm(forms.Form):
    """A form that gives a role. The choices of its field `role` depend on the role of the person who gives it."""

    def __init__(self, *args: Any, by_role: str | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["role"].choices = role_choices(by_role)  # type: ignore[attr-defined]


class InvitationForm(RoleForm):
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("The person accepts with an account of this address, which may exist already."),
    )
    role = forms.ChoiceField(
        label=_("Role"),
        initial=Role.VIEWER,
        help_text=_("What this person may do here. It can be changed later."),
    )


class KeyForm(RoleForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=200,
        help_text=_(
            "What uses the key, for example “nightly pipeline”. It is shown with everything the key does."
        ),
    )
    role = forms.ChoiceField(
        label=_("Role"),
        initial=Role.EDITOR,
        help_text=_("Give it no more than it needs. It never may do more than you may do at that time."),
    )
    days = forms.IntegerField(
        label=_("Expires after days"),
        min_value=1,
        max_value=3650,
        required=False,
        help_text=_("Empty: it works until it is revoked, or until you leave the organization."),
    )

    reads_personal_data = forms.BooleanField(
        label=_("Sees personal data as written"),
        required=False,
        initial=True,
        help_text=_(
            "Without it, texts that the key reads are masked, and originals, records and evaluation items refused. It "
            "never sees more than you do at that time."
        ),
    )

    @property
    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return None if days is None else timezone.now() + timedelta(days=days)
