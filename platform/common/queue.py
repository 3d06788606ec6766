"""Wake-up messages for the workers: a Celery task is sent by name once the transaction has committed.

PostgreSQL is the truth. A message that is lost costs at most the two seconds until reconcile finds
the work by itself, so a broker that is down, silent or full never fails the request, and only one
request in a while finds out that it is.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import cache

import redis
from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError, OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

QUEUE = "celery"
"""The list in Redis that Celery's messages wait in."""

# The longest that a request waits for the broker.
TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 1,
    "socket_timeout": 1,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}


def send(task_name: str, *args: str | int) -> None:
    """Send the task after commit; at once outside a transaction, never if it is rolled back."""
    transaction.on_commit(lambda: send_now(task_name, *args), robust=True)


def send_now(task_name: str, *args: str | int) -> None:
    """Send the task now, if the broker takes it."""
    breaker = _breaker(settings.REDIS_URL)
    if not breaker.may_try():
        return
    try:
        _client(settings.REDIS_URL).send_task(task_name, args=args, ignore_result=True, retry=False)
    except (OperationalError, KombuError, RedisError, OSError) as error:
        breaker.failed()
        logger.warning("the broker did not take %s: %s", task_name, type(error).__name__)
    else:
        breaker.worked()


class Breaker:
    """After a failure no message is sent for a while; then one caller tries again.

    Otherwise each request would wait for a silent broker as long as the first one did.
    """

    QUIET_SECONDS = 10.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quiet_until = 0.0

    def may_try(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._quiet_until:
                return False
            if self._quiet_until:
                # Ours is the trial; it is over before the others may try again.
                self._quiet_until = now + self.QUIET_SECONDS
            return True

    def failed(self) -> None:
        with self._lock:
            self._quiet_until = time.monotonic() + self.QUIET_SECONDS

    def worked(self) -> None:
        with self._lock:
            self._quiet_until = 0.0


@cache
def _breaker(broker: str) -> Breaker:
    return Breaker()


def waiting() -> int | None:
    """How many messages no worker has taken yet; None where the broker does not answer."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2) as client:
            return int(client.llen(QUEUE))
    except (redis.RedisError, OSError) as error:
        logger.warning("the broker did not say how much waits: %s", type(error).__name__)
        return None


@cache
def _client(broker: str) -> Celery:
    """A sender only: the web neither imports the tasks nor waits for results."""
    client = Celery("kosha-sender", broker=broker, set_as_current=False, fixups=[])
    client.conf.update(task_serializer="json", broker_transport_options=TRANSPORT_OPTIONS)
    return client
