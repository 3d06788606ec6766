"""What every page of the console knows without its view saying so."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Membership
from accounts.principal import Principal
from accounts.selectors import memberships_of
from console.navigation import navigation_for
from health.shown import outages_of
from health.watch import watch

THEMES = ("light", "dark")


def console(request: HttpRequest) -> dict[str, Any]:
    """Theme (from its cookie), navigation, and the organizations of the person who is signed in.

    An error page may be drawn before anybody was identified. Then there is the theme alone.
    """
    theme = request.COOKIES.get("theme", "")
    facts: dict[str, Any] = {"theme": theme if theme in THEMES else ""}
    principal: Principal | None = getattr(request, "principal", None)
    if principal is None or principal.user is None:
        return facts
    memberships = memberships_of(principal.user)
    report = watch().known()
    return {
        **facts,
        "principal": principal,
        "memberships": memberships,
        "organization": _current(memberships, principal),
        "navigation": navigation_for(principal, _namespace(request)),
        # What was last found, so that no page waits for a look; the page asks for news by itself.
        "outages": outages_of(report) if report else [],
    }


def _current(memberships: list[Membership], principal: Principal) -> Any:
    return next((m.organization for m in memberships if m.organization_id == principal.organization_id), None)


def _namespace(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is None:
        return ""
    return match.namespaces[0] if match.namespaces else (match.url_name or "")
