"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET sources": P.DOCUMENTS_READ,
    "GET sources/new": P.DOCUMENTS_WRITE,
    "POST sources/new": P.DOCUMENTS_WRITE,
    "GET sources/<source_id>": P.DOCUMENTS_READ,
    "GET sources/<source_id>/edit": P.DOCUMENTS_WRITE,
    "POST sources/<source_id>/edit": P.DOCUMENTS_WRITE,
    "POST sources/<source_id>/sync": P.DOCUMENTS_WRITE,
    "POST sources/<source_id>/delete": P.DOCUMENTS_WRITE,
    "GET v1/sources": P.DOCUMENTS_READ,
    "POST v1/sources": P.DOCUMENTS_WRITE,
    "GET v1/sources/<source_id>": P.DOCUMENTS_READ,
    "POST v1/sources/<source_id>": P.DOCUMENTS_WRITE,
    "DELETE v1/sources/<source_id>": P.DOCUMENTS_WRITE,
    "POST v1/sources/<source_id>/sync": P.DOCUMENTS_WRITE,
    "GET v1/sources/<source_id>/syncs": P.DOCUMENTS_READ,
    "GET v1/sources/<source_id>/syncs/<sync_id>": P.DOCUMENTS_READ,
    "POST v1/sources/<source_id>/syncs/<sync_id>/cancel": P.DOCUMENTS_WRITE,
}
