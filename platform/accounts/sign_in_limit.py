"""How often a sign-in may fail: counted in the database, so that every web process counts alike.

Ten failures of one e-mail address from one place, or a hundred from one place for whatever
addresses, within 15 minutes; then nobody gets in from there until the oldest of them has aged.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import SignInFailure

WINDOW = timedelta(minutes=15)
FAILURES_OF_A_PERSON = 10
FAILURES_OF_A_PLACE = 100


def sign_in_wait(*, email: str, address: str) -> timedelta | None:
    """How long until another attempt is looked at; None: at once."""
    recent = SignInFailure.objects.filter(address=address, created_at__gt=timezone.now() - WINDOW).order_by(
        "-created_at"
    )
    waits = (
        _wait(recent.filter(email_sha256=_digest(email)), FAILURES_OF_A_PERSON),
        _wait(recent, FAILURES_OF_A_PLACE),
    )
    return max((wait for wait in waits if wait is not None), default=None)


def sign_in_failed(*, email: str, address: str) -> None:
    SignInFailure.objects.filter(created_at__lte=timezone.now() - WINDOW).delete()
    SignInFailure.objects.create(email_sha256=_digest(email), address=address)


def sign_in_forgiven(*, email: str, address: str) -> None:
    """A right password clears what its owner mistyped before."""
    SignInFailure.objects.filter(address=address, email_sha256=_digest(email)).delete()


def _wait(newest_first: QuerySet[SignInFailure], most: int) -> timedelta | None:
    moments = list(newest_first.values_list("created_at", flat=True)[:most])
    return moments[-1] + WINDOW - timezone.now() if len(moments) == most else None


def _digest(email: str) -> str:
    """What is typed into the first field is sometimes the password."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()
