"""Verify an organization's chain of audit events, from its beginning or from a verified event."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection

from audit.models import AuditHead

PAGE = 5_000

# The columns as text, exactly as the trigger hashes them.
EVENTS = """
    SELECT sequence, hash, previous_hash, organization_id, sequence::text,
           (extract(epoch FROM created_at) * 1000000)::bigint::text,
           actor_kind, actor_id, actor_label, action, target_type, target_id, data::text
    FROM audit_auditevent WHERE organization_id = %s AND sequence > %s
    ORDER BY audit_auditevent.sequence LIMIT %s
"""
ANCHOR = "SELECT count(*) FROM audit_auditevent WHERE organization_id = %s AND sequence = %s AND hash = %s"
BEFORE = (
    "SELECT coalesce(max(sequence), 0) FROM audit_auditevent WHERE organization_id = %s AND sequence < %s"
)
UNLINKED = "SELECT count(*) FROM audit_auditevent WHERE organization_id = %s AND sequence IS NULL"


class Position(NamedTuple):
    """The sequence and the hash of an event in its chain."""

    sequence: int
    hash: str


START = Position(0, "")


@dataclass(frozen=True)
class Verified:
    position: Position
    """The last event that was verified."""
    broken: int | None = None
    """The sequence of the first event that does not fit the chain."""
    is_complete: bool = True
    """False if the limit was reached before the end of the chain."""


def chain_verify(organization_id: str, start: Position = START, limit: int | None = None) -> Verified:
    """Verify up to `limit` events that follow `start`.

    The hashes are computed here and not in the database, so that an altered trigger is detected. Events may be added
    meanwhile: the head is read before, since all events up to it must exist, and again after, since none may follow
    it.
    """
    head = _head(organization_id)
    if start.sequence and not _number(ANCHOR, organization_id, *start):
        return Verified(start, _number(BEFORE, organization_id, start.sequence) + 1)
    if start.sequence == head.sequence and start.hash != head.hash:
        return Verified(start, start.sequence + 1)
    position, left = start, limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        rows = _events(organization_id, position.sequence, size)
        for sequence, hash, previous_hash, *fields in rows:
            digest = hashlib.sha256("\x1f".join([previous_hash, *fields]).encode()).hexdigest()
            if (sequence, previous_hash, hash) != (position.sequence + 1, position.hash, digest):
                return Verified(position, position.sequence + 1)
            position = Position(sequence, hash)
            if sequence == head.sequence and hash != head.hash:
                return Verified(position, sequence + 1)
        if len(rows) < size:
            return Verified(position, _break_at_the_end(organization_id, position, head))
        left = None if left is None else left - size
    return Verified(position, is_complete=False)


def _break_at_the_end(organization_id: str, end: Position, head: Position) -> int | None:
    """`head` was read before the events."""
    if end.sequence < head.sequence or _number(UNLINKED, organization_id):
        return end.sequence + 1
    head = _head(organization_id)
    return head.sequence + 1 if end.sequence > head.sequence else None


def _head(organization_id: str) -> Position:
    head = AuditHead.objects.filter(pk=organization_id).first()
    return Position(head.sequence, head.hash) if head else START


def _events(organization_id: str, after: int, limit: int) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(EVENTS, [organization_id, after, limit])
        return list(cursor.fetchall())


def _number(query: str, *values: str | int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return int(cursor.fetchone()[0])
