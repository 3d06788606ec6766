from __future__ import annotations

import json

import redis

from common import queue
from workers.orchestration.app import INTERVALS, app
from workers.orchestration.beat_scheduler import SteadyScheduler


def test_beat_schedule_names_existing_tasks():
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks


def test_periodic_messages_carry_no_expiry(settings):
    """Two clocks two seconds apart were enough for every tick to expire unrun."""
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete(queue.QUEUE)
        SteadyScheduler(app, lazy=False).tick()
        messages = [json.loads(message) for message in broker.lrange(queue.QUEUE, 0, -1)]
        broker.delete(queue.QUEUE)
    assert {message["headers"]["task"] for message in messages} == {
        entry["task"] for entry in app.conf.beat_schedule.values()
    }
    assert all(message["headers"]["expires"] is None for message in messages)


def test_sends_a_task_again_after_its_interval(settings):
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete(queue.QUEUE)
        scheduler = SteadyScheduler(app, lazy=False)
        pause = scheduler.tick()
        assert 1.5 < pause <= INTERVALS["jobs.reconcile"]
        scheduler.tick()
        assert broker.llen(queue.QUEUE) == len(app.conf.beat_schedule)
        broker.delete(queue.QUEUE)


def test_messages_are_json_only():
    assert app.conf.task_serializer == "json"
    assert list(app.conf.accept_content) == ["json"]
