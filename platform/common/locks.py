"""Locks through PostgreSQL, and unique constraints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, IntegrityError, connection, transaction

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


@contextmanager
def try_lock(name: str) -> Iterator[bool]:
    """Yields whether the lock was free and is now held; never waits.

    It only avoids double work: everything done under it may happen twice. A worker that dies loses its connection and with
    it the lock, so nothing under it may release the connection.
    """
    locked = False
    try:
        locked = _ask("pg_try_advisory_lock", name)
        yield locked
    finally:
        if locked:
            _unlock(name)


def _unlock(name: str) -> None:
    try:
        _ask("pg_advisory_unlock", name)
    except Error:
        # The connection is gone, or a time limit interrupted its last query and left it unusable. That first
        # error matters more than this one; the lock ends with the connection.
        connection.close()


def _ask(function: str, name: str) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
            (answer,) = cursor.fetchone()
            return bool(answer)
    except Error:
        raise
    except BaseException:
        # A time limit interrupted the call, so whether the lock is held is unknown.
        connection.close()
        raise
