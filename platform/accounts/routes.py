"""The rules of this app's routes, collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Access, Rule

RULES: dict[str, Rule] = {
    "GET sign-in": Access.PUBLIC,
    "POST sign-in": Access.PUBLIC,
    "POST sign-out": Access.SIGNED_IN,
    "POST language": Access.PUBLIC,
    "POST organization": Access.SIGNED_IN,
    "GET account/password": Access.SIGNED_IN,
    "POST account/password": Access.SIGNED_IN,
}
