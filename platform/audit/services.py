"""Write the audit trail, in the transaction of the change it records; verify its chain."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.models import INSTALLATION, AuditEvent, AuditHead
from common.ids import new_id
from common.tenancy import every_organization


@dataclass(frozen=True)
class Actor:
    """Who did it: a person, a key, or the platform itself."""

    kind: str
    """`user`, `api_key`, `system` or `schedule`."""
    id: str
    label: str


SYSTEM = Actor("system", "system", "Kosha")


def audit_record(
    *,
    organization_id: str | None,
    actor: Actor,
    action: str,
    target_type: str,
    target_id: str,
    data: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append one event. Must run inside the transaction of the change (else neither or both fail)."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("audit_record belongs inside the transaction of the change it records")
    chain = organization_id or INSTALLATION
    AuditHead.objects.bulk_create([AuditHead(organization_id=chain)], ignore_conflicts=True)
    head = AuditHead.objects.select_for_update().get(pk=chain)
    event = AuditEvent(
        id=new_id("audit_"),
        organization_id=chain,
        sequence=head.sequence + 1,
        created_at=timezone.now(),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        action=action,
        target_type=target_type,
        target_id=target_id,
        data=data or {},
        previous_hash=head.hash,
    )
    event.hash = event_hash(event)
    with every_organization("the event names its own organization"):
        event.save(force_insert=True)
    head.sequence, head.hash = event.sequence, event.hash
    head.save()
    return event


def event_hash(event: AuditEvent) -> str:
    """sha256 over the previous hash and every field, as canonical JSON."""
    content = [
        event.previous_hash,
        event.organization_id,
        event.sequence,
        event.created_at.isoformat(),
        event.actor_kind,
        event.actor_id,
        event.actor_label,
        event.action,
        event.target_type,
        event.target_id,
        event.data,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def chain_verify(organization_id: str) -> int | None:
    """The sequence of the first event that does not fit the chain, or None when all of it holds."""
    previous, sequence = "", 0
    with every_organization("verifying one chain by its id"):
        for event in (
            AuditEvent.objects.filter(organization_id=organization_id).order_by("sequence").iterator()
        ):
            sequence += 1
            if (event.sequence, event.previous_hash, event.hash) != (sequence, previous, event_hash(event)):
                return sequence
            previous = event.hash
    head = AuditHead.objects.filter(pk=organization_id).first()
    if head is not None and (head.sequence, head.hash) != (sequence, previous):
        return sequence + 1
    return None
