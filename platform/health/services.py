"""Writes: the reconcile tick tells that it ran, on which worker, and whether beat sent it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from health.models import SignOfLife

BEAT = "beat"
WORKER = "worker "
FORGOTTEN_AFTER = timedelta(days=1)
"""A worker that has been gone for so long was removed, not lost."""


def tick_note(*, worker: str, by_beat: bool) -> None:
    _seen(f"{WORKER}{worker}")
    if by_beat:
        _seen(BEAT)
        SignOfLife.objects.filter(name__startswith=WORKER, seen_at__lt=Now() - FORGOTTEN_AFTER).delete()


def _seen(name: str) -> None:
    rows = SignOfLife.objects.filter(name=name[:200])
    if not rows.update(seen_at=Now()):
        SignOfLife.objects.bulk_create([SignOfLife(name=name[:200], seen_at=Now())], ignore_conflicts=True)
