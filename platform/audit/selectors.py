"""Reads: the results of verifying the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Sum

from audit.models import AuditCheck, AuditHead


@dataclass(frozen=True)
class TrailState:
    """Of all organizations' chains together."""

    events: int
    """The number of verified events."""
    broken_chains: int
    broken_sequence: int | None
    """Of the first event that does not fit its chain, in one of them."""
    verified_at: datetime | None
    """The oldest time at which a chain was last verified; None if none was."""
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
    """The result for one organization's chain; None if it was not verified yet."""
    return AuditCheck.objects.filter(pk=organization_id, verified_at__isnull=False).first()
