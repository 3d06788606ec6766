"""The one table of who may use which address: what the `routes.py` of each installed app declares.

The key is `METHOD route` as Django resolves it (`GET v1/files/<file_id>`). HEAD follows GET; OPTIONS is
answered by the framework. A route that no app declares is refused to everybody.
"""

from __future__ import annotations

from functools import cache

from common.installed import app_modules
from common.permissions import Access, Rule

API_DESCRIPTION: dict[str, Rule] = {"GET v1/openapi.json": Access.PUBLIC, "GET v1/docs": Access.PUBLIC}
"""The framework's own routes, which belong to no app."""


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
def open_paths() -> frozenset[str]:
    """The paths that answer without knowing who asks."""
    return frozenset(
        f"/{key.partition(' ')[2]}" for key, rule in route_rules().items() if rule is Access.OPEN
    )
