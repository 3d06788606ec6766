"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET v1/audit_events": P.AUDIT_READ,
}
