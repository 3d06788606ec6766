"""Locks that are held until the end of their transaction, and unique constraints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, connection, transaction

from common.errors import Conflict


def transaction_lock(name: str) -> None:
    """Acquire the lock of this name, which is held until commit or rollback."""
    if not connection.in_atomic_block:
        raise RuntimeError("a transaction lock must be taken inside a transaction")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


@contextmanager
def unique_or(conflict: Conflict) -> Iterator[None]:
    """Raise `conflict` if the block violates a unique constraint, also when two requests arrive together."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise conflict from error
