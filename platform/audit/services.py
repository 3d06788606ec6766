"""Write the audit trail, in the transaction of the change it records; record how far its chains were verified."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from audit.chain import START, Position, chain_verify
from audit.models import INSTALLATION, AuditCheck, AuditEvent
from common.tenancy import every_organization

logger = logging.getLogger(__name__)

EVENTS_PER_RUN = 20_000
"""Of one chain; this takes about a second."""
SECONDS_PER_RUN = 30.0
FULL_PASS = timedelta(days=7)
"""How often a chain is verified from its first event on; in between only its new events are verified."""

# Chains that grew, that are broken, that lost their last event, or whose full pass is due.
DUE = """
    SELECT organization_id
    FROM audit_audithead head FULL JOIN audit_auditcheck verified USING (organization_id)
    WHERE verified.sequence IS DISTINCT FROM head.sequence OR verified.hash IS DISTINCT FROM head.hash
       OR verified.broken_sequence IS NOT NULL
       OR verified.passed_at IS NULL OR verified.passed_at < %s
       OR NOT EXISTS (
           SELECT FROM audit_auditevent newest
           WHERE newest.organization_id = head.organization_id
             AND newest.sequence = head.sequence AND newest.hash = head.hash
       )
    ORDER BY verified.verified_at NULLS FIRST
"""


@dataclass(frozen=True)
class Actor:
    """A person, a key, or the platform itself."""

    kind: str
    """`user`, `api_key`, `system` or `schedule`."""
    id: str
    label: str


SYSTEM = Actor("system", "system", "Kosha")
OPERATOR = Actor("user", "operator", "manage.py")
"""The person who runs a command on the machine."""


def audit_record(
    *,
    organization_id: str | None,
    actor: Actor,
    action: str,
    target_type: str,
    target_id: str,
    data: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append one event. It must run inside the transaction of the change, so that both are committed or neither."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("audit_record must run inside the transaction of the change it records")
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


def chains_verify() -> None:
    """Verify the new events of every chain, and continue the full passes that are due.

    The work is proportional to the new events: a chain is verified from its last verified event, and once in
    `FULL_PASS` from its first event, in several runs. Concurrent runs repeat the same work and are harmless.
    """
    deadline = time.monotonic() + SECONDS_PER_RUN
    with connection.cursor() as cursor:
        cursor.execute(DUE, [timezone.now() - FULL_PASS])
        due = [organization_id for (organization_id,) in cursor.fetchall()]
    AuditCheck.objects.exclude(pk__in=due).update(verified_at=Now())
    for organization_id in due:
        _chain_verify(organization_id)
        if time.monotonic() > deadline:
            return


def _chain_verify(organization_id: str) -> None:
    check = AuditCheck.objects.filter(pk=organization_id).first() or AuditCheck(pk=organization_id)
    newest = chain_verify(organization_id, Position(check.sequence, check.hash), EVENTS_PER_RUN)
    check.sequence, check.hash = newest.position
    broken, whole = newest.broken, newest
    if check.passed_at is not None and timezone.now() - check.passed_at > FULL_PASS:
        whole = chain_verify(organization_id, Position(check.pass_sequence, check.pass_hash), EVENTS_PER_RUN)
        check.pass_sequence, check.pass_hash = whole.position
        broken = whole.broken or broken
    if whole.is_complete and broken is None and (check.passed_at is None or whole is not newest):
        check.passed_at = timezone.now()
        check.pass_sequence, check.pass_hash = START
    if newest.is_complete or broken:
        check.verified_at = timezone.now()
    if broken and broken != check.broken_sequence:
        logger.error(
            "the audit trail of %s is broken: event %s does not fit its chain", organization_id, broken
        )
    check.broken_sequence = broken
    check.save()
