"""The browsers from which a person has signed in before, each known by a signed cookie of its own."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

COOKIE = "kosha_browser"
SALT = "accounts.browsers"
KEPT = timedelta(days=365)
ACCOUNTS = 10
"""Remembered in one browser; computers may be shared."""


def known_browser(request: HttpRequest, email: str) -> str | None:
    """The name of this browser if a person has signed in to the account with it."""
    return _names(request).get(_digest(email))


def browser_remember(request: HttpRequest, response: HttpResponse, email: str) -> None:
    names = _names(request)
    name = names.pop(_digest(email), None) or secrets.token_urlsafe(12)
    newest = [*names.items(), (_digest(email), name)][-ACCOUNTS:]
    response.set_cookie(
        COOKIE,
        signing.dumps(dict(newest), salt=SALT),
        max_age=KEPT,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _names(request: HttpRequest) -> dict[str, str]:
    try:
        found: dict[str, str] = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT)
    except signing.BadSignature:
        return {}
    return found


def _digest(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()[:16]
