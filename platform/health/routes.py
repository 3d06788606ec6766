"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Access, Rule
from common.permissions import Permission as P

RULES: dict[str, Rule] = {
    "GET healthz": Access.OPEN,
    "GET readyz": Access.OPEN,
    "GET health/components": Access.OPEN,
    "GET health/banner": Access.OPEN,
    "GET health": P.HEALTH_READ,
}
