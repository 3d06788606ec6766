"""Limits on attempts to give a password, counted in the database so that all web processes share them.

An attempt counts as failed from its beginning until it has succeeded, so that guesses made at the same time are counted
as well. Above a number of failures each further one makes the next attempt wait longer. Failures are counted

- for each account, from whatever address they come: guesses at one account are slow;
- for each address, over all accounts: guesses at many accounts are slow;
- for a browser that has signed in to the account before, instead of both: so neither guesses from elsewhere nor
  colleagues behind the same address keep somebody out of an account from their own browser.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import ngettext

from accounts.models import AttemptCount
from common.errors import KoshaError

KEPT = timedelta(days=1)


class TooManyAttempts(KoshaError):
    status = 429
    is_passing = True

    def __init__(self, wait: timedelta) -> None:
        seconds = max(1, -(-wait // timedelta(seconds=1)))
        super().__init__("too_many_attempts", _sentence(seconds))
        self.retry_after_seconds = seconds


def _sentence(seconds: int) -> str:
    if seconds <= 60:
        text = ngettext(
            "Too many attempts failed. Try again in %(count)d second.",
            "Too many attempts failed. Try again in %(count)d seconds.",
            seconds,
        )
        return text % {"count": seconds}
    minutes = -(-seconds // 60)
    text = ngettext(
        "Too many attempts failed. Try again in %(count)d minute.",
        "Too many attempts failed. Try again in %(count)d minutes.",
        minutes,
    )
    return text % {"count": minutes}


@dataclass(frozen=True)
class Limit:
    free: int
    """Failures without a wait."""
    first_wait: timedelta
    """After one more; each further one doubles it."""
    longest_wait: timedelta
    forgotten_after: timedelta
    """One failure is forgotten each time this has passed."""

    def remaining(self, count: AttemptCount, now: datetime) -> float:
        return max(0.0, count.failures - max(timedelta(), now - count.counted_at) / self.forgotten_after)

    def wait(self, failures: float) -> timedelta:
        above = failures - self.free
        if above <= 0:
            return timedelta()
        return min(self.longest_wait, self.first_wait * 2.0 ** min(above - 1, 30))


_MINUTES = timedelta(minutes=15)
OF_ACCOUNT = Limit(5, timedelta(seconds=4), _MINUTES, forgotten_after=_MINUTES)
OF_ADDRESS = Limit(100, timedelta(seconds=1), timedelta(minutes=1), forgotten_after=timedelta(seconds=10))
OF_MAILS = Limit(3, timedelta(minutes=2), timedelta(hours=4), forgotten_after=timedelta(hours=1))
"""Mails that strangers request for one address: all of them count."""


@dataclass(frozen=True)
class Attempt:
    limits: Mapping[str, Limit]
    """By the key of their `AttemptCount`."""
    reset: str
    """The count that a success ends."""


def password_attempt(*, account: str, address: str, browser: str | None = None) -> Attempt:
    """Count an attempt to give the password of `account`. Raises TooManyAttempts, for unknown accounts as well.

    `browser` identifies a browser that has signed in to the account before.
    """
    if browser is not None:
        key = _key("browser", account, browser)
        return _begin(Attempt({key: OF_ACCOUNT}, reset=key))
    key = _key("account", account)
    return _begin(Attempt({key: OF_ACCOUNT, _key("address", network_of(address)): OF_ADDRESS}, reset=key))


def mail_attempt(*, email: str, address: str) -> None:
    """Count a mail that a stranger requests. Raises TooManyAttempts."""
    limits = {_key("mail", email): OF_MAILS, _key("mail address", network_of(address)): OF_ADDRESS}
    _begin(Attempt(limits, reset=""))


@transaction.atomic
def attempt_succeeded(attempt: Attempt) -> None:
    counts = _locked(attempt)
    now = timezone.now()
    for count in counts:
        limit = attempt.limits[count.key]
        count.failures = 0.0 if count.key == attempt.reset else max(0.0, limit.remaining(count, now) - 1)
        if count.failures <= limit.free:
            count.free_at = now
        count.counted_at = now
        count.save()


def attempt_counts_sweep() -> None:
    AttemptCount.objects.filter(counted_at__lt=timezone.now() - KEPT).delete()


@transaction.atomic
def _begin(attempt: Attempt) -> Attempt:
    began = timezone.now()
    AttemptCount.objects.bulk_create(
        [AttemptCount(key=key, counted_at=began, free_at=began) for key in sorted(attempt.limits)],
        ignore_conflicts=True,
    )
    counts = _locked(attempt)
    # Read after the locks: another attempt may have been counted while this one waited for them.
    now = timezone.now()
    free_at = max((count.free_at for count in counts), default=now)
    if free_at > now:
        raise TooManyAttempts(free_at - now)
    for count in counts:
        limit = attempt.limits[count.key]
        count.failures = limit.remaining(count, now) + 1
        count.counted_at = now
        if wait := limit.wait(count.failures):
            count.free_at = now + wait
        count.save()
    return attempt


def _locked(attempt: Attempt) -> list[AttemptCount]:
    """In the order of their keys, so that two attempts never wait for each other."""
    return list(AttemptCount.objects.select_for_update().filter(pk__in=attempt.limits).order_by("key"))


def network_of(address: str) -> str:
    """An IPv4 address, or the /64 network of an IPv6 address, which is what one customer gets."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _key(*parts: str) -> str:
    """Only a digest is stored, because people sometimes type the password into the first field."""
    return hashlib.sha256("\n".join(part.strip().lower() for part in parts).encode()).hexdigest()
