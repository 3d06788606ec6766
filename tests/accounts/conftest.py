"""Invitations and mails, as the tests of accounts use them."""

from __future__ import annotations

import contextvars
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from accounts.invitations import invitation_create
from accounts.models import Invitation, OutgoingMail, User
from common.tenancy import every_organization
from tests.mail_server import MailServer, mail_server
from tests.world import World


@pytest.fixture
def mails(settings) -> Iterator[MailServer]:
    """A real mail server, which the installation uses."""
    with mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS = False
        yield server


def link_in(text: str) -> str:
    """The path of the one-time link in a mail or on a page."""
    found = re.search(r"https?://[^/\s]+(/(?:invitations|account/password/links)/[\w-]+)", text)
    assert found, text
    return found[1]


def invited(
    world: World, email: str = "hanako@kaku.example", role: str = "reviewer", by: str = "admin"
) -> str:
    """The path of the link of a new invitation, as it is shown where no mail server is set."""
    _invitation, link = invitation_create(
        email=email, role=role, actor=world.actor, invited_by=world.person(by), by_role=by
    )
    assert link is not None
    return link_in(link)


def due_now() -> None:
    """As if the time of the next attempt had come."""
    OutgoingMail.objects.exclude(due_at=None).update(due_at=F("due_at") - timedelta(hours=2))


def expire_invitations() -> None:
    with every_organization("a test lets time pass"):
        Invitation.objects.update(expires_at=F("expires_at") - timedelta(days=8))


class Stranger(Client):
    """Its requests begin without the organization that the test works in."""

    def request(self, **request: Any) -> Any:
        return contextvars.Context().run(super().request, **request)


def stranger() -> Client:
    return Stranger(headers={"Accept-Language": "en"})


def signed_in(user: User) -> Client:
    client = stranger()
    client.force_login(user)
    return client
