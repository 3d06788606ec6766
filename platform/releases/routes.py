"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET releases": P.RELEASES_READ,
    "GET releases/new": P.RELEASES_WRITE,
    "POST releases/new": P.RELEASES_WRITE,
    "GET releases/policy": P.RELEASES_PUBLISH,
    "POST releases/policy": P.RELEASES_PUBLISH,
    "GET releases/served/<alias>": P.RELEASES_READ,
    "POST releases/served/<alias>/rollback": P.RELEASES_PUBLISH,
    "POST releases/served/<alias>/withdraw": P.RELEASES_PUBLISH,
    "GET releases/<release_id>": P.RELEASES_READ,
    "POST releases/<release_id>/approve": P.RELEASES_APPROVE,
    "POST releases/<release_id>/reject": P.RELEASES_APPROVE,
    "GET releases/<release_id>/publish": P.RELEASES_PUBLISH,
    "POST releases/<release_id>/publish": P.RELEASES_PUBLISH,
    "GET v1/releases": P.RELEASES_READ,
    "POST v1/releases": P.RELEASES_WRITE,
    "GET v1/releases/<release_id>": P.RELEASES_READ,
    "GET v1/releases/<release_id>/comparison": P.RELEASES_READ,
    "POST v1/releases/<release_id>/approve": P.RELEASES_APPROVE,
    "POST v1/releases/<release_id>/reject": P.RELEASES_APPROVE,
    "POST v1/releases/<release_id>/publish": P.RELEASES_PUBLISH,
    "GET v1/release_policy": P.RELEASES_READ,
    "POST v1/release_policy": P.RELEASES_PUBLISH,
    "GET v1/deployments": P.RELEASES_READ,
    "GET v1/deployments/<alias>": P.RELEASES_READ,
    "POST v1/deployments/<alias>/rollback": P.RELEASES_PUBLISH,
    "POST v1/deployments/<alias>/withdraw": P.RELEASES_PUBLISH,
}

IDEMPOTENT = {"POST v1/deployments/<alias>/rollback"}
"""Repeated with the same Idempotency-Key, they do nothing twice."""
