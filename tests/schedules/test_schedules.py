"""Schedules: their moments, firing once, and the road from documents to a candidate release."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import DataError, connection
from django.db.models.functions import Now
from django.utils import timezone

from audit.models import AuditEvent
from common.errors import Busy, Conflict, InsufficientStorage
from common.model_server import ModelServerSilent
from common.tenancy import organization_scope
from releases.services import release_publish
from retrieval.models import IndexBuild
from schedules.cadence import next_moment
from schedules.models import Schedule, ScheduledRun, Stage
from schedules.road import scheduled_run_advance, scheduled_runs_advance
from schedules.services import schedule_fire, schedule_update, schedules_fire_due
from tests.world import fail


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
def test_moments(timing, after, expected):
    zone = timing.pop("zone", "Asia/Tokyo")
    given = {"weekday": 0, "day": 1, **timing}
    assert next_moment(**given, time_zone=zone, after=moment(after)) == moment(expected)


def test_every_moment_is_later_than_the_one_before():
    now = moment("2026-01-01T00:00")
    for _ in range(800):
        following = next_moment(
            cadence="daily", weekday=0, day=1, hour=2, time_zone="Europe/Berlin", after=now
        )
        assert timedelta() < following - now < timedelta(hours=26)
        assert following.astimezone(ZoneInfo("Europe/Berlin")).hour in (2, 3)
        now = following


# -- firing --------------------------------------------------------------------------------------------
def due(schedule: Schedule) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(next_fire_at=timezone.now() - timedelta(days=20))


def test_what_is_due_fires_once_however_long_the_platform_was_away(world):
    schedule = world.schedule()
    due(schedule)
    assert (schedules_fire_due(), schedules_fire_due()) == (1, 0)
    schedule.refresh_from_db()
    assert schedule.next_fire_at > timezone.now()
    assert ScheduledRun.objects.count() == 1


def test_a_schedule_that_is_off_or_deleted_does_not_fire(world):
    schedule = world.schedule()
    due(schedule)
    Schedule.objects.update(is_active=False)
    assert schedules_fire_due() == 0
    Schedule.objects.update(is_active=True, deleted_at=timezone.now())
    assert schedules_fire_due() == 0


def test_a_run_that_is_under_way_is_not_overtaken(world):
    schedule = world.schedule()
    schedule_fire(schedule=schedule, actor=world.actor)
    with pytest.raises(Conflict, match="schedule_already_running"):
        schedule_fire(schedule=schedule, actor=world.actor)
    due(schedule)
    assert schedules_fire_due() == 0
    assert AuditEvent.objects.filter(action="schedule.skipped").count() == 1


def test_renaming_does_not_move_the_next_moment(world):
    schedule = world.schedule()
    due(schedule)
    before = Schedule.objects.get().next_fire_at
    schedule_update(schedule=schedule, name="新", is_active=None, timing={}, actor=world.actor)
    assert Schedule.objects.get().next_fire_at == before
    schedule_update(schedule=schedule, name=None, is_active=None, timing={"hour": 5}, actor=world.actor)
    assert Schedule.objects.get().next_fire_at > timezone.now()


def test_many_tickers_fire_it_once(live_world):
    due(live_world.schedule())
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


# -- the road ------------------------------------------------------------------------------------------
@pytest.fixture
def road(world):
    """A schedule with a knowledge base and a document, fired."""
    document = world.document()
    knowledge_base = world.knowledge_base([])
    return Road(world, world.schedule(knowledge_base=knowledge_base), document)


class Road:
    def __init__(self, world, schedule, document) -> None:
        self.world, self.schedule, self.document = world, schedule, document
        self.run = schedule_fire(schedule=schedule, actor=world.actor)

    def step(self) -> str:
        scheduled_run_advance(self.run.id)
        self.run = ScheduledRun.objects.get(pk=self.run.id)
        return self.run.stage

    def until(self, stage: str) -> None:
        """Let every engine succeed until the run stands at `stage`."""
        for _ in range(12):
            if self.step() == stage:
                return
            self._work()
        raise AssertionError(f"never came to {stage}, but to {self.run.stage}: {self.run.error_code}")

    def _work(self) -> None:
        for version in (self.run.dataset_version,):
            if version is not None and version.job.state == "queued":
                self.world.curated(version.job)
        if self.run.training_run is not None and self.run.training_run.job.state == "queued":
            self.world.trained(self.run.training_run.job)
        if self.run.evaluation is not None and self.run.evaluation.job.state == "queued":
            self.world.evaluated(self.run.evaluation.job, passed=self.passes)
        for build in IndexBuild.objects.filter(state="building"):
            self.world.indexed(build.job)

    passes = True


def test_the_road_ends_with_a_candidate(road):
    road.until(Stage.DONE)
    release = road.run.release
    assert release.state == "candidate" and release.created_by_person == "schedule"
    assert release.model_version == road.run.training_run.model_version
    assert release.index_build == road.run.index_build
    assert road.run.index_build.revisions.get() == road.document.current_revision
    assert road.run.ended_at is not None


def test_a_step_waits_for_its_job_and_starts_nothing_twice(road):
    road.step()
    first = road.run.dataset_version
    assert (road.step(), road.step()) == (Stage.CURATE, Stage.CURATE)
    assert road.run.dataset_version == first


def test_the_next_run_continues_from_the_version_before(road):
    road.until(Stage.DONE)
    first = road.run.training_run.model_version
    road.world.document("新.txt", "新しい規則")
    second = Road(road.world, road.schedule, road.document)
    second.until(Stage.DONE)
    assert second.run.training_run.parent == first


def test_nothing_new_is_skipped(road):
    road.until(Stage.DONE)
    second = Road(road.world, road.schedule, road.document)
    assert second.step() == Stage.SKIPPED and second.run.ended_at is not None
    assert second.run.release is None


def test_a_failed_run_is_tried_again_on_the_same_data(road):
    road.until(Stage.TRAIN)
    road.step()
    fail(road.run.training_run.job)
    assert road.step() == Stage.FAILED
    assert road.run.error_code == "training.system.out_of_memory"
    second = Road(road.world, road.schedule, road.document)
    second.until(Stage.DONE)
    assert second.run.dataset_version == road.run.dataset_version


def test_a_version_that_fails_its_gate_leaves_the_served_model_with_the_new_index(road):
    world = road.world
    served = world.release(approved=True, system_prompt="丁寧に", generation={"max_tokens": 77})
    release_publish(release_id=served.id, alias="production", actor=world.actor)
    road.passes = False
    road.until(Stage.DONE)
    release = road.run.release
    assert release.model_version is None and release.index_build == road.run.index_build
    assert (release.system_prompt, release.generation["max_tokens"]) == ("丁寧に", 77)


def test_without_an_index_a_failed_gate_is_the_end(world):
    world.document()
    road = Road(world, world.schedule(), None)
    road.passes = False
    road.until(Stage.FAILED)
    assert road.run.error_code == "gate_failed"


def test_without_documents_the_run_says_so(world):
    road = Road(world, world.schedule(), None)
    assert road.step() == Stage.FAILED
    assert road.run.error_code == "no_documents"


def test_an_index_that_failed_before_is_tried_once_more(world):
    document = world.document()
    world.embedding_model()
    from retrieval.services import knowledge_base_create

    base = knowledge_base_create(name="x", documents=[document], actor=world.actor)
    fail(base.builds.get().job, "retrieval.system.out_of_memory")
    road = Road(world, world.schedule(knowledge_base=base), document)
    road.until(Stage.INDEX)
    road.step()
    fail(base.builds.get(number=2).job, "retrieval.system.out_of_memory")
    assert road.step() == Stage.FAILED
    assert base.builds.count() == 2


@pytest.fixture
def refused(monkeypatch):
    """Let each attempt to curate be refused with the error that is in the list."""
    from schedules import road as module

    curate, errors = module._STAGES[Stage.CURATE], []

    def stage(run):
        if errors:
            raise errors[0]
        curate(run)

    monkeypatch.setitem(module._STAGES, Stage.CURATE, stage)
    return errors


def hindered(run, **ago) -> None:
    ScheduledRun.objects.filter(pk=run.pk).update(hindered_since=Now() - timedelta(**ago))


@pytest.mark.parametrize(
    "error", [InsufficientStorage(), Busy(), ModelServerSilent()], ids=lambda error: error.code
)
def test_what_may_pass_does_not_end_a_run(world, refused, error):
    world.document()
    road = Road(world, world.schedule(), None)
    refused.append(error)
    for _ in range(3):
        assert road.step() == Stage.CURATE
        assert (road.run.error_code, road.run.ended_at) == (error.code, None)
    since = road.run.hindered_since
    assert since is not None and road.step() and road.run.hindered_since == since
    hindered(road.run, hours=23)
    road.step()
    refused.clear()
    road.until(Stage.DONE)
    assert (road.run.error_code, road.run.error_message, road.run.hindered_since) == ("", "", None)


def test_what_does_not_pass_for_a_day_ends_it(world, refused):
    road = Road(world, world.schedule(), None)
    refused.append(InsufficientStorage())
    road.step()
    hindered(road.run, hours=25)
    assert road.step() == Stage.FAILED
    assert road.run.error_code == "insufficient_storage" and road.run.ended_at is not None


def test_patience_begins_anew_after_a_step_that_was_done(world, refused):
    road = Road(world, world.schedule(), None)
    world.document()
    hindered(road.run, hours=25)
    road.step()
    refused.append(Busy())
    assert road.step() == Stage.CURATE


def test_what_cannot_pass_ends_it_at_once(world, refused):
    road = Road(world, world.schedule(), None)
    refused.append(Conflict("dataset_deleted", "It was deleted."))
    assert road.step() == Stage.FAILED


@pytest.mark.parametrize("trouble", [ZeroDivisionError, DataError])
def test_one_run_that_trips_does_not_hold_up_the_others(world, caplog, monkeypatch, trouble):
    from schedules import road as module

    world.document()
    first = Road(world, world.schedule(), None)
    second = Road(world, world.schedule(name="別", dataset=world.dataset("別")), None)
    curate = module._STAGES[Stage.CURATE]

    def trip(run):
        if run.id == first.run.id:
            raise trouble
        curate(run)

    monkeypatch.setitem(module._STAGES, Stage.CURATE, trip)
    assert scheduled_runs_advance() == 2
    with organization_scope(world.organization.id):
        assert ScheduledRun.objects.get(pk=second.run.id).dataset_version is not None
    assert f"advancing {first.run.id} failed" in caplog.text


def test_a_schedule_that_cannot_be_fired_does_not_hold_up_the_others(world, caplog):
    unknown, good = world.schedule(), world.schedule(name="別", dataset=world.dataset("別"))
    moments = timezone.now() - timedelta(hours=2), timezone.now() - timedelta(hours=1)
    Schedule.objects.filter(pk=unknown.pk).update(next_fire_at=moments[0], time_zone="Atlantis/Port")
    Schedule.objects.filter(pk=good.pk).update(next_fire_at=moments[1])
    assert schedules_fire_due() == 1
    with organization_scope(world.organization.id):
        assert good.runs.exists()
    assert f"firing {unknown.id} failed" in caplog.text


def test_a_worker_whose_clock_is_ahead_fires_nothing_early(world, monkeypatch):
    schedule = world.schedule()
    Schedule.objects.filter(pk=schedule.pk).update(next_fire_at=timezone.now() + timedelta(minutes=30))
    ahead = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    assert schedules_fire_due() == 0
    assert not ScheduledRun.objects.exists()
