"""Ringing the workers' bell: a Celery task sent by name once the transaction has committed.

PostgreSQL is the truth. A message that is lost costs at most the two seconds until reconcile finds
the work by itself, so a broker that is down never fails the request.
"""

from __future__ import annotations

import logging
from functools import cache

import redis
from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError, OperationalError

logger = logging.getLogger(__name__)

QUEUE = "celery"
"""The list in Redis that Celery's messages wait in."""

# A request waits for the bell no longer than this.
TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}


def send(task_name: str, *args: str | int) -> None:
    """Send the task after commit; at once outside a transaction, never if it is rolled back."""
    transaction.on_commit(lambda: ring(task_name, *args), robust=True)


def ring(task_name: str, *args: str | int) -> None:
    """Send the task now, if the broker takes it."""
    try:
        _client(settings.REDIS_URL).send_task(task_name, args=args, ignore_result=True, retry=False)
    except (OperationalError, KombuError, OSError) as error:
        logger.warning("the broker did not take %s: %s", task_name, type(error).__name__)


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
