"""/v1/audit_events: the actions, their actors and their targets."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from audit.models import AuditEvent
from common.pagination import keyset_page, list_body
from common.wire import PageQuery, unix

router = Router(tags=["Audit"])


class AuditQuery(PageQuery):
    action: str | None = None
    target_id: str | None = None


def audit_event_body(event: AuditEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "object": "audit_event",
        "created_at": unix(event.created_at),
        "sequence": event.sequence,
        "actor": {"kind": event.actor_kind, "id": event.actor_id, "label": event.actor_label},
        "action": event.action,
        "target": {"type": event.target_type, "id": event.target_id},
        "data": event.data,
        "hash": event.hash,
    }


@router.get("/audit_events", summary="List audit events")
def audit_events(request: HttpRequest, query: Query[AuditQuery]) -> dict[str, Any]:
    rows = AuditEvent.objects.all()
    if query.action:
        rows = rows.filter(action=query.action)
    if query.target_id:
        rows = rows.filter(target_id=query.target_id)
    return list_body(
        keyset_page(rows, after=query.after, limit=query.limit, order=query.order), audit_event_body
    )
