"""What Django's `check` verifies in an installation before it serves requests."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from common.disk import nearest_existing
from config.env import environment


@register(Tags.security)
def secret_key_is_strong(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if len(settings.SECRET_KEY) >= 32:
        return []
    return [
        Error(
            "KOSHA_SECRET_KEY is shorter than 32 characters.",
            hint="Unset it to have one generated, or give a long random one.",
            id="kosha.E001",
        )
    ]


@register(Tags.files)
def storage_is_writable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    folder = nearest_existing(settings.KOSHA_STORAGE_ROOT)
    if os.access(folder, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"Nothing can be stored under {folder}.",
            hint="Make it writable or set KOSHA_VAR.",
            id="kosha.E002",
        )
    ]


@register(Tags.security, deploy=True)
def cookies_travel_encrypted(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.SESSION_COOKIE_SECURE:
        return []
    return [
        Warning(
            "Session cookies are sent over plain HTTP.",
            hint="Put a TLS proxy in front and set KOSHA_HTTPS=true.",
            id="kosha.W001",
        )
    ]


@register(Tags.security)
def mailed_links_lead_here(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.EMAIL_HOST or environment().public_url:
        return []
    return [
        Warning(
            "Links in mails begin with an address of this machine.",
            hint="Set KOSHA_PUBLIC_URL to the address under which people reach the console.",
            id="kosha.W002",
        )
    ]
