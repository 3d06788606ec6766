"""The rules of this app's routes, collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET v1/audit_events": P.AUDIT_READ,
}
