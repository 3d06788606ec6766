from __future__ import annotations

import json

import redis

from common import queue
from workers.orchestration.app import INTERVALS, app
from workers.orchestration.beat_scheduler import SteadyScheduler


def test_every_beat_names_a_task_that_exists():
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks


def test_no_tick_carries_a_time_that_another_machines_clock_would_judge(settings):
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


def test_the_bell_rings_again_after_the_interval_and_not_before(settings):
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete(queue.QUEUE)
        scheduler = SteadyScheduler(app, lazy=False)
        pause = scheduler.tick()
        assert 1.5 < pause <= INTERVALS["jobs.reconcile"]
        scheduler.tick()
        assert broker.llen(queue.QUEUE) == len(app.conf.beat_schedule)
        broker.delete(queue.QUEUE)


def test_messages_are_json_alone():
    assert app.conf.task_serializer == "json"
    assert list(app.conf.accept_content) == ["json"]
