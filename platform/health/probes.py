"""Ask each part in a thread of its own, so that one that hangs holds up nothing but itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from common.disk import Disk, disk
from common.errors import KoshaError
from common.model_server import ModelServerSilent, model_server
from common.queue import QUEUE
from health.components import Name
from health.selectors import DatabaseFacts, database_facts
from workers.specs.serve import Health

logger = logging.getLogger(__name__)

LIMIT_SECONDS = 2.5
"""The answer about all of them takes no longer, whatever hangs."""
BROKER_SECONDS = 1.0


class Unreachable(Exception):
    """It refused, or could not be found."""


class Silent(Exception):
    """It takes connections, and says nothing."""


Answer = Any | Unreachable | Silent


class Probe:
    """One question. While an old one still hangs no second is asked: they would only pile up."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._pending: Future[Any] | None = None

    def begin(self) -> Future[Any]:
        with self._lock:
            if self._pending is None or self._pending.done():
                self._pending = Future()
                threading.Thread(target=self._run, args=(self._pending,), daemon=True).start()
            return self._pending

    def _run(self, future: Future[Any]) -> None:
        try:
            future.set_result(self._ask())
        except BaseException as error:  # whatever it is, it is the answer
            future.set_exception(error)


def ask_all(probes: Mapping[Name, Probe], seconds: float = LIMIT_SECONDS) -> dict[Name, Answer]:
    """Every part's answer, or why there is none, within `seconds`."""
    pending = {name: probe.begin() for name, probe in probes.items()}
    deadline = time.monotonic() + seconds
    return {name: _answer(future, deadline) for name, future in pending.items()}


def _answer(future: Future[Any], deadline: float) -> Answer:
    try:
        return future.result(max(0.0, deadline - time.monotonic()))
    except (Unreachable, Silent) as why:
        return why
    except Late:
        return Silent()
    except Exception as error:
        # Something answers there, and not as the part does: to us it is away.
        logger.warning("a part of the installation gave no sense: %s", type(error).__name__)
        return Unreachable()


# -- the questions ------------------------------------------------------------------------------
def ask_database() -> DatabaseFacts:
    """Over a connection of the pool: whether there is one to be had belongs to the question."""
    try:
        return database_facts()
    except (DatabaseError, InterfaceError) as error:
        raise Unreachable from error
    finally:
        connection.close()


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
    try:
        return disk()
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
    return {
        Name.DATABASE: Probe(ask_database),
        Name.BROKER: Probe(ask_broker),
        Name.STORAGE: Probe(ask_storage),
        Name.MODEL_SERVER: Probe(ask_model_server),
    }
