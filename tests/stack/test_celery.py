from __future__ import annotations

from workers.tasks.app import app


def test_every_beat_names_a_task_that_exists_and_expires_before_the_next():
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] <= entry["schedule"]


def test_messages_are_json_alone():
    assert app.conf.task_serializer == "json"
    assert list(app.conf.accept_content) == ["json"]
