"""Give a person a one-time link with which they set their password: `manage.py password_link --email EMAIL`.

For installations without a mail server. It prints JSON; the link is shown only once.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.passwords import password_link
from audit.services import OPERATOR


class Command(BaseCommand):
    help = "Print a one-time link with which a person sets a new password."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower(), is_active=True).first()
        if user is None:
            raise CommandError("There is no open account with this e-mail address.")
        self.stdout.write(
            json.dumps({"email": user.email, "password_link": password_link(user=user, actor=OPERATOR)})
        )
