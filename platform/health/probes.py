"""Ask each part of the installation in a thread of its own, so that one that hangs delays no other."""

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
from common.threads import in_background
from health.connection import own_connection, server_takes_connections
from health.parts import Name
from health.selectors import DatabaseFacts, PendingMigrations, database_facts
from workers.contract.specs.serving import Health

logger = logging.getLogger(__name__)

LIMIT_SECONDS = 2.5
"""For the answers of all parts together, whatever hangs."""
BROKER_SECONDS = 1.0


class Unreachable(Exception):
    """It refused, or could not be found."""


class Silent(Exception):
    """It takes connections and does not answer."""


class Slow(Exception):
    """It runs, and has not answered everything in time."""


Answer = Any | Unreachable | Silent | Slow


class Probe:
    """A question to one part. It is not asked again while the last one hangs: threads would only pile up.

    `has_connected` is asked where the answer is late: whether the part has let us in all the same.
    """

    def __init__(self, ask: Callable[[], Any], has_connected: Callable[[], bool] = lambda: False) -> None:
        self._ask = ask
        self._has_connected = has_connected
        self._lock = threading.Lock()
        self._pending: Future[Any] | None = None

    def begin(self) -> Future[Any]:
        with self._lock:
            if self._pending is None or self._pending.done():
                try:
                    self._pending = in_background(self._ask, "probe")
                except RuntimeError as error:
                    # No thread at the moment: this counts as the answer, so that the next report asks again.
                    self._pending = Future()
                    self._pending.set_exception(error)
            return self._pending

    def answer(self, future: Future[Any], deadline: float) -> Answer:
        """`deadline` is by the monotonic clock."""
        try:
            return future.result(max(0.0, deadline - time.monotonic()))
        except (Unreachable, Silent, Slow) as reason:
            return reason
        except Late:
            return Slow() if self._has_connected() else Silent()
        except Exception as error:
            # Another program may listen there, so the part itself cannot be reached.
            logger.warning("a part of the installation gave an unexpected answer: %s", type(error).__name__)
            return Unreachable()


def ask_all(probes: Mapping[Name, Probe], seconds: float = LIMIT_SECONDS) -> dict[Name, Answer]:
    """Every part's answer, or why there is none, within `seconds`."""
    pending = {name: probe.begin() for name, probe in probes.items()}
    deadline = time.monotonic() + seconds
    return {name: probes[name].answer(future, deadline) for name, future in pending.items()}


# -- the questions ------------------------------------------------------------------------------
class DatabaseQuestion:
    """Asks over a connection of its own: a pool whose connections are all in use is no outage."""

    has_connected = False
    """Whether the server let us in this time. Every wait for it is bounded, so this does not stay true for long of a
    server that has fallen silent since."""

    def __call__(self) -> DatabaseFacts | PendingMigrations:
        self.has_connected = False
        try:
            with own_connection():
                self.has_connected = True
                return database_facts()
        except (DatabaseError, InterfaceError) as error:
            # Django wraps what the driver said.
            if isinstance(error.__cause__, QueryCanceled | LockNotAvailable):
                raise Slow from error
            if isinstance(error.__cause__, ServerSilent | ConnectionTimeout):
                raise Silent from error
            if self.has_connected or not server_takes_connections():
                raise Unreachable from error
        # It refuses one more connection. Requests still work where the pool has one left.
        try:
            return database_facts()
        except (DatabaseError, InterfaceError) as error:
            raise Unreachable from error
        finally:
            connection.close()


@dataclass(frozen=True)
class BrokerFacts:
    backlog: int
    """Messages that no worker has taken yet."""
    is_full: bool
    """It takes no more messages."""


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
    """The figures alone would be those of the disk below a storage that is not mounted."""
    root = Path(settings.KOSHA_STORAGE_ROOT)
    try:
        # `access` also refuses where the file system is read-only.
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
        Name.DATABASE: Probe(database, lambda: database.has_connected),
        Name.BROKER: Probe(ask_broker),
        Name.STORAGE: Probe(ask_storage),
        Name.MODEL_SERVER: Probe(ask_model_server),
    }
