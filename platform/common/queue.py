"""Ringing the workers' bell: a Celery task sent by name once the transaction has committed.

PostgreSQL is the truth. A message that is lost costs at most the two seconds until reconcile finds
the work by itself, so a broker that is down, silent or full never fails the request, and only one
request in a while finds out that it is.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import cache

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError, OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# A request waits for the bell no longer than this.
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
    transaction.on_commit(lambda: _publish(task_name, args), robust=True)


def _publish(task_name: str, args: tuple[str | int, ...]) -> None:
    bell = _bell(settings.REDIS_URL)
    if not bell.may_ring():
        return
    try:
        _client(settings.REDIS_URL).send_task(task_name, args=args, ignore_result=True, retry=False)
    except (OperationalError, KombuError, RedisError, OSError) as error:
        bell.failed()
        logger.warning("the broker did not take %s: %s", task_name, type(error).__name__)
    else:
        bell.rang()


class Bell:
    """After a failure nobody rings for a while, and then one of those who would tries it.

    Otherwise each request would wait for a silent broker as long as the first one did.
    """

    QUIET_SECONDS = 10.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quiet_until = 0.0

    def may_ring(self) -> bool:
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

    def rang(self) -> None:
        with self._lock:
            self._quiet_until = 0.0


@cache
def _bell(broker: str) -> Bell:
    return Bell()


@cache
def _client(broker: str) -> Celery:
    """A sender only: the web neither imports the tasks nor waits for results."""
    client = Celery("kosha-sender", broker=broker, set_as_current=False, fixups=[])
    client.conf.update(task_serializer="json", broker_transport_options=TRANSPORT_OPTIONS)
    return client
