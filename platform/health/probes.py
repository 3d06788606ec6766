"""Ask each part in a thread of its own, so that one that hangs holds up nothing but itself."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from psycopg.errors import ConnectionTimeout, LockNotAvailable, QueryCanceled

from common.database import ServerSilent
from common.disk import Disk, disk
from common.errors import KoshaError
from common.model_server import ModelServerSilent, model_server
from common.queue import QUEUE
from health.components import Name
from health.connection import own_connection, server_takes_connections
from health.selectors import DatabaseFacts, database_facts
from workers.contract.specs.serving import Health

logger = logging.getLogger(__name__)

LIMIT_SECONDS = 2.5
"""The answer about all of them takes no longer, whatever hangs."""
BROKER_SECONDS = 1.0


class Unreachable(Exception):
    """It refused, or could not be found."""


class Silent(Exception):
    """It takes connections, and says nothing."""


class Slow(Exception):
    """It lives, and has not said everything in time."""


Answer = Any | Unreachable | Silent | Slow


class Probe:
    """One question. While an old one still hangs no second is asked: they would only pile up.

    `shows_life` is asked where the answer is late: whether the part has been heard all the same.
    """

    def __init__(self, ask: Callable[[], Any], shows_life: Callable[[], bool] = lambda: False) -> None:
        self._ask = ask
        self.shows_life = shows_life
        self._lock = threading.Lock()
        self._pending: Future[Any] | None = None

    def begin(self) -> Future[Any]:
        with self._lock:
            if self._pending is None or self._pending.done():
                self._pending = self._begun()
            return self._pending

    def _begun(self) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            threading.Thread(target=self._run, args=(future,), daemon=True).start()
        except RuntimeError as error:
            # No thread to be had at the moment: answered, so that the next look asks anew.
            future.set_exception(error)
        return future

    def _run(self, future: Future[Any]) -> None:
        try:
            future.set_result(self._ask())
        except BaseException as error:  # whatever it is, it is the answer
            future.set_exception(error)


def ask_all(probes: Mapping[Name, Probe], seconds: float = LIMIT_SECONDS) -> dict[Name, Answer]:
    """Every part's answer, or why there is none, within `seconds`."""
    pending = {name: probe.begin() for name, probe in probes.items()}
    deadline = time.monotonic() + seconds
    return {name: _answer(probes[name], future, deadline) for name, future in pending.items()}


def _answer(probe: Probe, future: Future[Any], deadline: float) -> Answer:
    try:
        return future.result(max(0.0, deadline - time.monotonic()))
    except (Unreachable, Silent, Slow) as why:
        return why
    except Late:
        return Slow() if probe.shows_life() else Silent()
    except Exception as error:
        # Something answers there, and not as the part does: to us it is away.
        logger.warning("a part of the installation gave no sense: %s", type(error).__name__)
        return Unreachable()


# -- the questions ------------------------------------------------------------------------------
class DatabaseQuestion:
    """Over a connection of its own: that the pool's are all at work is no outage."""

    def __init__(self) -> None:
        self._has_heard = False

    def has_heard(self) -> bool:
        """Whether the server let us in this time. Every wait for it is bounded, so this is not true for long
        of one that has fallen silent since."""
        return self._has_heard

    def __call__(self) -> DatabaseFacts:
        self._has_heard = False
        try:
            return self._over_own_connection()
        except (DatabaseError, InterfaceError) as error:
            sense = _sense_of(error)
            is_refused = isinstance(sense, Unreachable) and not self._has_heard
            if not (is_refused and server_takes_connections()):
                raise sense from error
        # It has no place for one more. Whether the pool has one left is now part of the question.
        return _over_the_pool()

    def _over_own_connection(self) -> DatabaseFacts:
        with own_connection():
            self._has_heard = True
            return database_facts()


def _over_the_pool() -> DatabaseFacts:
    try:
        return database_facts()
    except (DatabaseError, InterfaceError) as error:
        raise Unreachable from error
    finally:
        connection.close()


def _sense_of(error: Exception) -> Unreachable | Silent | Slow:
    """What a failed query says of the server; Django wraps what the driver said."""
    if isinstance(error.__cause__, QueryCanceled | LockNotAvailable):
        return Slow()
    if isinstance(error.__cause__, ServerSilent | ConnectionTimeout):
        return Silent()
    return Unreachable()


@dataclass(frozen=True)
class BrokerFacts:
    backlog: int
    """Messages that nobody has taken yet."""
    is_full: bool
    """It takes no more of them."""


def ask_broker() -> BrokerFacts:
    options = {"socket_timeout": BROKER_SECONDS, "socket_connect_timeout": BROKER_SECONDS}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **options) as client:
            backlog, memory = client.llen(QUEUE), client.info("memory")
    except redis.TimeoutError as error:
        raise Silent from error
    except (redis.RedisError, OSError) as error:
        raise Unreachable from error
    limit = memory.get("maxmemory", 0)
    return BrokerFacts(backlog, bool(limit) and memory["used_memory"] >= limit)


def ask_storage() -> Disk:
    """The figures alone would be those of whatever disk lies under a storage that is missing."""
    root = Path(settings.KOSHA_STORAGE_ROOT)
    try:
        # Also says no where the file system was mounted, or has become, read-only.
        if not (root.is_dir() and os.access(root, os.R_OK | os.W_OK | os.X_OK)):
            raise Unreachable
        return disk(root)
    except OSError as error:
        raise Unreachable from error


def ask_model_server() -> Health:
    try:
        return model_server().health()
    except ModelServerSilent as error:
        raise Silent from error
    except KoshaError as error:
        raise Unreachable from error


def installed_probes() -> dict[Name, Probe]:
    database = DatabaseQuestion()
    return {
        Name.DATABASE: Probe(database, database.has_heard),
        Name.BROKER: Probe(ask_broker),
        Name.STORAGE: Probe(ask_storage),
        Name.MODEL_SERVER: Probe(ask_model_server),
    }
