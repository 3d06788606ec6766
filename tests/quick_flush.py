"""Empties the database after a test that committed, at the cost of what it wrote.

Django truncates every table there is, each with all its indexes: half a second for some seventy of them,
of which a test has filled a dozen.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MethodType
from typing import Any

from django.db import connection

APPEND_ONLY = "audit_auditevent"
"""Its triggers refuse to have anything taken out of it."""


def install() -> None:
    """For the test process's connections; the product never flushes."""
    connection.ops.sql_flush = MethodType(_sql_flush, connection.ops)  # type: ignore[method-assign]


def _sql_flush(operations: Any, style: Any, tables: Iterable[str], **options: Any) -> list[str]:
    # Foreign keys are checked at commit, by when all of it is gone.
    return [statement for table in _filled(sorted(tables)) for statement in _emptying(table)]


def _emptying(table: str) -> list[str]:
    if table != APPEND_ONLY:
        return [f'DELETE FROM "{table}"']
    alter = f'ALTER TABLE "{table}"'
    return [f"{alter} DISABLE TRIGGER USER", f'TRUNCATE "{table}"', f"{alter} ENABLE TRIGGER USER"]


def _filled(tables: list[str]) -> list[str]:
    asked = " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [table for (table,) in cursor.fetchall()]
