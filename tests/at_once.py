"""The same work several times at the same moment, each on its own database connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from common.errors import Conflict
from common.tenancy import organization_scope
from tests.world import World

AT_ONCE = 6


def at_once(world: World, work: Callable[[Any], Any], arguments: Iterable[Any] = range(AT_ONCE)) -> list[Any]:
    """`work(argument)` for every argument, inside the world's organization; answers or Conflicts, in order."""

    def one(argument: Any) -> Any:
        try:
            with organization_scope(world.organization.id):
                return work(argument)
        except Conflict as conflict:
            return conflict
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, arguments))
