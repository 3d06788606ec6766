"""Create an organization with its first members: `manage.py organization_create --help`.

It prints JSON on standard output. A new person sets their own password through a one-time link: it is mailed, or
printed where no mail server is set. A person who has an account already is invited. With --key, API keys are made that
act for these persons. Links and keys are shown only once.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.invitations import invitation_create
from accounts.models import Role, User
from accounts.passwords import password_link, password_mail
from accounts.services import api_key_create, membership_set, organization_create, user_create
from audit.services import OPERATOR
from common.mail import is_mail_set
from common.tenancy import organization_scope


class Command(BaseCommand):
    help = "Create an organization, its owner and, if asked, a reviewer and API keys."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="the company's name")
        parser.add_argument("--slug", required=True, help="short name for model names: a-z, 0-9 and -")
        parser.add_argument("--owner", required=True, metavar="EMAIL")
        parser.add_argument("--reviewer", metavar="EMAIL", help="a second person, who approves releases")
        parser.add_argument("--key", metavar="NAME", help="also make API keys of this name for both")
        parser.add_argument("--key-days", type=int, metavar="DAYS", help="the keys expire after so many days")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        organization = organization_create(name=options["name"], slug=options["slug"], actor=OPERATOR)
        made: dict[str, Any] = {"organization": organization.id}
        people = {"owner": (options["owner"], Role.OWNER, Role.ADMIN)}
        if options["reviewer"]:
            people["reviewer"] = (options["reviewer"], Role.REVIEWER, Role.REVIEWER)
        days = options["key_days"]
        expires_at = timezone.now() + timedelta(days=days) if days else None
        with organization_scope(organization.id):
            for word, (email, role, key_role) in people.items():
                user, made[word] = _person(email, organization.id, role)
                if options["key"]:
                    made[word]["api_key"] = _key(options["key"], key_role, user, expires_at)
        self.stdout.write(json.dumps(made))


def _person(email: str, organization_id: str, role: str) -> tuple[User, dict[str, str | bool | None]]:
    """A new member, who sets their own password; or an existing person, who may accept an invitation."""
    user = User.objects.filter(email=email.lower()).first()
    if user is not None:
        _invitation, link = invitation_create(
            email=email, role=role, actor=OPERATOR, invited_by=None, by_role=None
        )
        return user, {"email": user.email, "invitation_link": link, "mailed": link is None}
    user = user_create(email=email, name=email.partition("@")[0])
    membership_set(organization_id=organization_id, user=user, role=role, actor=OPERATOR, by_role=None)
    if is_mail_set():
        password_mail(email=user.email)
        return user, {"email": user.email, "password_link": None, "mailed": True}
    return user, {
        "email": user.email,
        "password_link": password_link(user=user, actor=OPERATOR),
        "mailed": False,
    }


def _key(name: str, role: str, person: User, expires_at: datetime | None) -> str:
    """It acts for the person as soon as they are a member."""
    _row, secret = api_key_create(
        name=name, role=role, actor=OPERATOR, person=person, by_role=None, expires_at=expires_at
    )
    return secret
