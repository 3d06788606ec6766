from __future__ import annotations

import json
import socket
import time

import pytest
import redis
from django.db import transaction

from common import queue
from stack.processes import free_port


@pytest.fixture
def broker(settings):
    # Another test of this process may have found the broker away, and sending pauses then.
    queue._breaker.cache_clear()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        yield client


def sent(broker) -> list[dict]:
    """Of the tests: other tests of this process may have left a wake-up that is sent later."""
    messages = map(json.loads, broker.lrange("celery", 0, -1))
    return [message for message in messages if message["headers"]["task"] == "tests.task"]


def test_sends_a_task_by_name_after_commit(broker, transactional_db):
    with transaction.atomic():
        queue.send("tests.task", "job_1", 2)
        assert sent(broker) == []
    (message,) = sent(broker)
    assert message["headers"]["argsrepr"] == "('job_1', 2)"
    assert message["content-type"] == "application/json"


def test_sends_nothing_after_rollback(broker, transactional_db):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        queue.send("tests.task")
        raise ZeroDivisionError
    assert sent(broker) == []


def test_dead_broker_fails_no_request(settings, transactional_db, caplog):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    began = time.monotonic()
    with transaction.atomic():
        queue.send("tests.task")
    assert time.monotonic() - began < 10
    assert "the broker did not accept tests.task" in caplog.text


def test_full_broker_fails_no_request(broker, transactional_db, caplog):
    limit = broker.config_get("maxmemory")["maxmemory"]
    broker.config_set("maxmemory", "1")
    try:
        queue.send("tests.task")
    finally:
        broker.config_set("maxmemory", limit)
        queue._breaker.cache_clear()
    assert "the broker did not accept tests.task" in caplog.text


@pytest.mark.slow
def test_silent_broker_is_waited_for_once(settings, transactional_db):
    """It takes connections and says nothing, as one that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        began = time.monotonic()
        queue.send("tests.task")
        first = time.monotonic() - began
        for _ in range(20):
            queue.send("tests.task")
        rest = time.monotonic() - began - first
    assert first < 10
    # Twenty that wait would take twenty times as long.
    assert rest < max(first, 1)


def test_one_caller_tries_the_broker_again_after_a_while():
    breaker = queue.Breaker()
    breaker.note(worked=False)
    assert not breaker.may_try()
    breaker._quiet_until = time.monotonic() - 1
    assert [breaker.may_try() for _ in range(3)] == [True, False, False]
    breaker.note(worked=True)
    assert breaker.may_try()
