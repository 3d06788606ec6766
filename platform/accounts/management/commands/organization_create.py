"""Create an organization with its first members: `manage.py organization_create --help`.

It prints JSON on standard output: the ids, the generated passwords and, with --key, API keys. They are shown only
once.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts.models import Role, User
from accounts.services import api_key_create, membership_set, organization_create, user_create
from audit.services import Actor
from common.tenancy import organization_scope

OPERATOR = Actor("user", "operator", "manage.py")


class Command(BaseCommand):
    help = "Create an organization, its owner and, if asked, a reviewer and API keys."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="the company's name")
        parser.add_argument("--slug", required=True, help="short name for model names: a-z, 0-9 and -")
        parser.add_argument("--owner", required=True, metavar="EMAIL")
        parser.add_argument("--reviewer", metavar="EMAIL", help="a second person, who approves releases")
        parser.add_argument("--key", metavar="NAME", help="also make API keys of this name for both")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        organization = organization_create(name=options["name"], slug=options["slug"], actor=OPERATOR)
        made: dict[str, Any] = {"organization": organization.id}
        owner, made["owner"] = _person(options["owner"], organization.id, Role.OWNER)
        people = [(owner, Role.ADMIN, made["owner"])]
        if options["reviewer"]:
            reviewer, made["reviewer"] = _person(options["reviewer"], organization.id, Role.REVIEWER)
            people.append((reviewer, Role.REVIEWER, made["reviewer"]))
        if options["key"]:
            with organization_scope(organization.id):
                for user, role, person in people:
                    _key, person["api_key"] = api_key_create(
                        name=options["key"], role=role, actor=OPERATOR, created_by=user, by_role=None
                    )
        self.stdout.write(json.dumps(made))


def _person(email: str, organization_id: str, role: str) -> tuple[User, dict[str, str | None]]:
    """A member with a new password, or an existing person, whose password does not change."""
    user = User.objects.filter(email=email.lower()).first()
    password = None
    if user is None:
        password = secrets.token_urlsafe(12)
        user = user_create(email=email, name=email.partition("@")[0], password=password)
    membership_set(organization_id=organization_id, user=user, role=role, actor=OPERATOR, by_role=None)
    return user, {"email": user.email, "password": password}
