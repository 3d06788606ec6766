"""Schedules: the moments at which they fire, and that each moment fires once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import AuditEvent
from common.errors import Conflict
from common.tenancy import organization_scope
from schedules.models import Schedule, ScheduledRun
from schedules.services import schedule_fire, schedule_update, schedules_fire_due
from schedules.timing import Timing


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timing", "after", "expected"),
    [
        # Tokyo: 02:00 is 17:00 UTC the day before.
        ({"cadence": "daily", "hour": 2}, "2026-03-01T16:59", "2026-03-01T17:00"),
        ({"cadence": "daily", "hour": 2}, "2026-03-01T17:00", "2026-03-02T17:00"),
        ({"cadence": "weekly", "weekday": 6, "hour": 2}, "2026-03-02T00:00", "2026-03-07T17:00"),
        ({"cadence": "monthly", "day": 28, "hour": 2}, "2026-02-28T00:00", "2026-03-27T17:00"),
        ({"cadence": "monthly", "day": 1, "hour": 2}, "2026-12-31T17:00", "2027-01-31T17:00"),
        # Berlin loses 02:00 to 03:00 on 2026-03-29 and has it twice on 2026-10-25.
        ({"cadence": "daily", "hour": 2, "zone": "Europe/Berlin"}, "2026-03-28T12:00", "2026-03-29T01:00"),
        ({"cadence": "daily", "hour": 4, "zone": "Europe/Berlin"}, "2026-03-28T12:00", "2026-03-29T02:00"),
        ({"cadence": "daily", "hour": 2, "zone": "Europe/Berlin"}, "2026-10-24T12:00", "2026-10-25T00:00"),
        ({"cadence": "daily", "hour": 2, "zone": "Europe/Berlin"}, "2026-10-25T00:00", "2026-10-26T01:00"),
    ],
    ids=str,
)
def test_follows_the_cadence_in_its_time_zone(timing, after, expected):
    zone = timing.pop("zone", "Asia/Tokyo")
    assert Timing(**timing, time_zone=zone).after(moment(after)) == moment(expected)


def test_every_moment_is_later_than_the_one_before():
    now = moment("2026-01-01T00:00")
    for _ in range(800):
        following = Timing(cadence="daily", hour=2, time_zone="Europe/Berlin").after(now)
        assert timedelta() < following - now < timedelta(hours=26)
        assert following.astimezone(ZoneInfo("Europe/Berlin")).hour in (2, 3)
        now = following


# -- firing --------------------------------------------------------------------------------------------
def make_due(schedule: Schedule) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(next_fire_at=timezone.now() - timedelta(days=20))


def test_fires_once_for_all_moments_missed_while_the_platform_was_down(world):
    schedule = world.schedule()
    make_due(schedule)
    assert (schedules_fire_due(), schedules_fire_due()) == (1, 0)
    schedule.refresh_from_db()
    assert schedule.next_fire_at > timezone.now()
    assert ScheduledRun.objects.count() == 1


def test_does_not_fire_a_paused_or_deleted_schedule(world):
    schedule = world.schedule()
    make_due(schedule)
    Schedule.objects.update(is_active=False)
    assert schedules_fire_due() == 0
    Schedule.objects.update(is_active=True, deleted_at=timezone.now())
    assert schedules_fire_due() == 0


def test_starts_no_second_run_while_one_is_unfinished(world):
    schedule = world.schedule()
    schedule_fire(schedule=schedule, actor=world.actor)
    with pytest.raises(Conflict, match="schedule_already_running"):
        schedule_fire(schedule=schedule, actor=world.actor)
    make_due(schedule)
    assert schedules_fire_due() == 0
    assert AuditEvent.objects.filter(action="schedule.skipped").count() == 1


def test_renaming_keeps_the_next_moment_and_a_new_hour_moves_it(world):
    schedule = world.schedule()
    make_due(schedule)
    before = Schedule.objects.get().next_fire_at
    schedule_update(schedule=schedule, name="新", is_active=None, timing={}, actor=world.actor)
    assert Schedule.objects.get().next_fire_at == before
    schedule_update(schedule=schedule, name=None, is_active=None, timing={"hour": 5}, actor=world.actor)
    assert Schedule.objects.get().next_fire_at > timezone.now()


def test_workers_that_look_at_once_fire_a_schedule_once(live_world):
    make_due(live_world.schedule())
    barrier, fired = threading.Barrier(6), []

    def tick():
        try:
            barrier.wait()
            fired.append(schedules_fire_due())
        finally:
            connection.close()

    threads = [threading.Thread(target=tick) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fired) == [0, 0, 0, 0, 0, 1]


def test_a_schedule_that_cannot_fire_does_not_stop_the_others(world, caplog):
    unknown, good = world.schedule(), world.schedule(name="別", dataset=world.dataset("別"))
    moments = timezone.now() - timedelta(hours=2), timezone.now() - timedelta(hours=1)
    Schedule.objects.filter(pk=unknown.pk).update(next_fire_at=moments[0], time_zone="Atlantis/Port")
    Schedule.objects.filter(pk=good.pk).update(next_fire_at=moments[1])
    assert schedules_fire_due() == 1
    with organization_scope(world.organization.id):
        assert good.runs.exists()
    assert f"firing {unknown.id} failed" in caplog.text


def test_fires_by_the_clock_of_the_database(world, monkeypatch):
    schedule = world.schedule()
    Schedule.objects.filter(pk=schedule.pk).update(next_fire_at=timezone.now() + timedelta(minutes=30))
    ahead = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    assert schedules_fire_due() == 0
    assert not ScheduledRun.objects.exists()
