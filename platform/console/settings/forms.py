"""The forms of the settings pages."""

from __future__ import annotations

from typing import Any

from django import forms
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


class MemberForm(RoleForm):
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("Used to sign in. A person who already has an account keeps their password."),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=200,
        required=False,
        help_text=_("The name that is shown with everything this person does."),
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
        help_text=_("What the key may do. Give it no more than it needs."),
    )
