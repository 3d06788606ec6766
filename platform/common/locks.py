"""Locks that last as long as the transaction they are taken in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, connection, transaction

from common.errors import Conflict


def transaction_lock(name: str) -> None:
    """Wait until no other transaction holds the lock of this name; hold it until commit or rollback."""
    if not connection.in_atomic_block:
        raise RuntimeError("a transaction lock belongs inside a transaction")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


@contextmanager
def unique_or(conflict: Conflict) -> Iterator[None]:
    """Answer `conflict` where a unique constraint refuses, also when two requests come at once."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise conflict from error
