"""Reads: whether the chains of the audit trail hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Sum

from audit.models import AuditCheck, AuditHead


@dataclass(frozen=True)
class TrailState:
    """Of all organizations' chains together."""

    events: int
    """So many were verified."""
    broken_chains: int
    broken_sequence: int | None
    """Of the first event that does not fit its chain, in one of them."""
    verified_at: datetime | None
    """Every chain was verified since then; None: not yet, or there is nothing to verify."""
    is_empty: bool


def trail_state() -> TrailState:
    facts = AuditCheck.objects.aggregate(
        events=Sum("sequence", default=0),
        broken_chains=Count("broken_sequence"),
        broken_sequence=Min("broken_sequence"),
        verified_at=Min("verified_at"),
    )
    return TrailState(**facts, is_empty=not AuditHead.objects.exists())


def chain_state(organization_id: str) -> AuditCheck | None:
    """What was found of one organization's chain; None: not verified yet."""
    return AuditCheck.objects.filter(pk=organization_id, verified_at__isnull=False).first()
