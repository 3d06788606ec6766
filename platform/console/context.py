"""The context of every page of the console."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.principal import Principal
from accounts.selectors import memberships_of
from console.navigation import navigation_for
from health.shown import outages_of
from health.watch import watch

THEMES = ("light", "dark")


def console(request: HttpRequest) -> dict[str, Any]:
    """Theme (from its cookie), navigation, and the organizations of the person who is signed in.

    An error page may be drawn before the person is identified. Then only the theme is known.
    """
    theme = request.COOKIES.get("theme", "")
    facts: dict[str, Any] = {"theme": theme if theme in THEMES else ""}
    principal: Principal | None = getattr(request, "principal", None)
    if principal is None or principal.user is None:
        return facts
    memberships = memberships_of(principal.user)
    current = [each for each in memberships if each.organization_id == principal.organization_id]
    match, namespace = request.resolver_match, ""
    if match is not None:
        namespace = match.namespaces[0] if match.namespaces else (match.url_name or "")
    report = watch().known()
    return {
        **facts,
        "principal": principal,
        "memberships": memberships,
        "organization": current[0].organization if current else None,
        "navigation": navigation_for(principal, namespace),
        # From the newest report, so that no page waits for a check. The page asks for newer ones itself.
        "outages": outages_of(report) if report else [],
    }
