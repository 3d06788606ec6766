"""Writes: a worker that runs the reconcile tick leaves a sign of life, and so does beat if it sent the tick."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from health.models import SignOfLife

BEAT = "beat"
WORKER = "worker "
FORGOTTEN_AFTER = timedelta(days=1)
"""A worker that has been gone for so long was removed, not lost."""


def tick_note(*, worker: str, by_beat: bool) -> None:
    for name in [f"{WORKER}{worker}"[:200], *([BEAT] if by_beat else [])]:
        if not SignOfLife.objects.filter(name=name).update(seen_at=Now()):
            SignOfLife.objects.bulk_create([SignOfLife(name=name, seen_at=Now())], ignore_conflicts=True)
    if by_beat:
        SignOfLife.objects.filter(name__startswith=WORKER, seen_at__lt=Now() - FORGOTTEN_AFTER).delete()
