"""One-time links: a secret in the address, of which only the hash is stored."""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from common.errors import DeclaredError


class LinkNotValid(DeclaredError):
    """The answer is the same for a link that never existed."""

    status = 404
    code = "link_not_valid"
    message = _(
        "This link is not valid any more: it was used, replaced or withdrawn, or its time is over. "
        "Ask the person who invited you for a new one; for a forgotten password, ask for a new mail."
    )


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def invitation_address(secret: str) -> str:
    return _address("open_invitation", secret)


def password_address(secret: str) -> str:
    return _address("open_password_link", secret)


def _address(route: str, secret: str) -> str:
    return settings.KOSHA_PUBLIC_URL.rstrip("/") + reverse(route, args=[secret])
