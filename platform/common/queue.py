"""Wake-up messages for the workers: a Celery task is sent by name once the transaction has committed.

PostgreSQL is the only source of truth. A lost message delays the work by at most two seconds, until reconcile
finds it. So a request never fails because the broker is down, silent or full, and only one request in a while
waits for such a broker.
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
"""The list in Redis that holds Celery's messages."""

WAKE_MILLISECONDS = 200
# They limit how long a request waits for the broker.
TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 1,
    "socket_timeout": 1,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}


def send(task_name: str, *args: str | int) -> None:
    """Send the task after commit; immediately outside a transaction, never if it is rolled back."""
    transaction.on_commit(lambda: send_now(task_name, *args), robust=True)


def wake(task_name: str) -> None:
    """As `send`, but at most a few times a second for all senders together.

    For a task that looks for work itself. What comes a moment after another message is found by the next tick of
    reconcile, or by the task as soon as a run has ended.
    """
    transaction.on_commit(lambda: _wake_now(task_name), robust=True)


def _wake_now(task_name: str) -> None:
    breaker = _breaker(settings.REDIS_URL)
    if not breaker.may_try():
        return
    try:
        is_first = _redis(settings.REDIS_URL).set(f"kosha:wake:{task_name}", 1, nx=True, px=WAKE_MILLISECONDS)
    except (redis.RedisError, OSError) as error:
        breaker.note(worked=False)
        logger.warning("the broker did not answer: %s", type(error).__name__)
        return
    breaker.note(worked=True)
    if is_first:
        send_now(task_name)


def send_now(task_name: str, *args: str | int) -> None:
    """Send the task now, if the broker accepts it."""
    breaker = _breaker(settings.REDIS_URL)
    if not breaker.may_try():
        return
    try:
        _client(settings.REDIS_URL).send_task(task_name, args=args, ignore_result=True, retry=False)
    except (OperationalError, KombuError, RedisError, OSError) as error:
        breaker.note(worked=False)
        logger.warning("the broker did not accept %s: %s", task_name, type(error).__name__)
    else:
        breaker.note(worked=True)


class Breaker:
    """A circuit breaker: after a failure no message is sent for a while; then one caller tries again.

    Without it every request would wait for a silent broker.
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
                # This caller tries; the others wait for its result.
                self._quiet_until = now + self.QUIET_SECONDS
            return True

    def note(self, *, worked: bool) -> None:
        with self._lock:
            self._quiet_until = 0.0 if worked else time.monotonic() + self.QUIET_SECONDS


@cache
def _breaker(broker: str) -> Breaker:
    return Breaker()


def waiting() -> int | None:
    """The number of messages that no worker has taken; None if the broker does not answer."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2) as client:
            return int(client.llen(QUEUE))
    except (redis.RedisError, OSError) as error:
        logger.warning("the broker did not report its waiting messages: %s", type(error).__name__)
        return None


@cache
def _redis(broker: str) -> redis.Redis:
    return redis.Redis.from_url(broker, socket_connect_timeout=1, socket_timeout=1)


@cache
def _client(broker: str) -> Celery:
    """It only sends: the web neither imports the tasks nor waits for results."""
    client = Celery("kosha-sender", broker=broker, set_as_current=False, fixups=[])
    client.conf.update(task_serializer="json", broker_transport_options=TRANSPORT_OPTIONS)
    return client
