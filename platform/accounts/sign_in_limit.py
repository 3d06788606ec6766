"""The limit on failed sign-ins, counted in the database so that all web processes share it.

After ten failures of one e-mail address, or a hundred failures in total, from one network address within 15 minutes,
its attempts are refused until the oldest of them is older than that.
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
    """How long attempts are refused; None if they are not."""
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
    """Forget the failures of an e-mail address after a successful sign-in."""
    SignInFailure.objects.filter(address=address, email_sha256=_digest(email)).delete()


def _wait(newest_first: QuerySet[SignInFailure], most: int) -> timedelta | None:
    moments = list(newest_first.values_list("created_at", flat=True)[:most])
    return moments[-1] + WINDOW - timezone.now() if len(moments) == most else None


def _digest(email: str) -> str:
    """Only a digest is stored, because people sometimes type the password into the first field."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()
