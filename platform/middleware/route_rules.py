"""The rules of all routes, as the `routes.py` of each installed app declares them.

The key is `METHOD route` as Django resolves it (`GET v1/files/<file_id>`). HEAD has the rule of GET; the framework
answers OPTIONS. A route that no app declares is refused to every caller.
"""

from __future__ import annotations

from functools import cache

from common.installed import app_modules
from common.permissions import Access, Rule

API_DESCRIPTION: dict[str, Rule] = {"GET v1/openapi.json": Access.PUBLIC, "GET v1/docs": Access.PUBLIC}
"""The routes of the framework, which belong to no app."""


@cache
def route_rules() -> dict[str, Rule]:
    rules = dict(API_DESCRIPTION)
    for module in app_modules("routes"):
        twice = rules.keys() & module.RULES.keys()
        if twice:
            raise ValueError(
                f"{module.__name__} declares routes that another app has declared: {sorted(twice)}"
            )
        rules |= module.RULES
    return rules


@cache
def idempotent_routes() -> frozenset[str]:
    """Those whose operations read the Idempotency-Key, as the `IDEMPOTENT` of each `routes.py` says."""
    return frozenset().union(*(getattr(module, "IDEMPOTENT", ()) for module in app_modules("routes")))


def allowed_methods(route: str) -> list[str]:
    """What an Allow header says of a route."""
    found = [
        method for method, _, declared in (key.partition(" ") for key in route_rules()) if declared == route
    ]
    return sorted({*found, "HEAD"} if "GET" in found else found)


def rule_of(method: str, route: str) -> Rule | None:
    """None for a method or a route that no app declares."""
    return route_rules().get(f"{'GET' if method == 'HEAD' else method} {route}")
