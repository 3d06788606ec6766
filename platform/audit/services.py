"""Write the audit trail, in the transaction of the change it records; verify its chain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audit.models import INSTALLATION, AuditEvent, AuditHead
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
    event = AuditEvent(
        organization_id=organization_id or INSTALLATION,
        created_at=timezone.now(),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        action=action,
        target_type=target_type,
        target_id=target_id,
        data=data or {},
    )
    with every_organization("the event names its own organization"):
        event.save(force_insert=True)
    return event


# The columns as text, exactly as the trigger hashes them.
CHAIN_ROWS = """
    SELECT sequence, hash, previous_hash, organization_id, sequence::text,
           (extract(epoch FROM created_at) * 1000000)::bigint::text,
           actor_kind, actor_id, actor_label, action, target_type, target_id, data::text
    FROM audit_auditevent WHERE organization_id = %s ORDER BY audit_auditevent.sequence
"""


def chain_verify(organization_id: str) -> int | None:
    """The sequence of the first event that does not fit the chain, or None when all of it holds.

    Computed here, not in the database, so that an altered trigger cannot vouch for itself. Events may be
    added meanwhile: the head is asked before, for all up to there must be found, and after, for none may lie
    beyond.
    """
    previous, expected = "", 0
    length, tip = _head(organization_id)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CHAIN_ROWS, [organization_id])
        for sequence, hash, previous_hash, *fields in cursor:
            expected += 1
            digest = hashlib.sha256("\x1f".join([previous_hash, *fields]).encode()).hexdigest()
            if (sequence, previous_hash, hash) != (expected, previous, digest):
                return expected
            previous = hash
            if expected == length and hash != tip:
                return expected + 1
    if expected < length:
        return expected + 1
    length, _ = _head(organization_id)
    return length + 1 if expected > length else None


def _head(organization_id: str) -> tuple[int, str]:
    head = AuditHead.objects.filter(pk=organization_id).first()
    return (head.sequence, head.hash) if head else (0, "")
