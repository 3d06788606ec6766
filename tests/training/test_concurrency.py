"""Concurrent requests: the same submission many times is one job, one run and one audit event."""

from __future__ import annotations

import pytest

from audit.chain import chain_verify
from audit.models import AuditEvent
from common.errors import Conflict
from curation.models import DatasetVersion
from curation.services import dataset_version_create
from evaluations.models import Suite
from evaluations.services import suite_default
from jobs.models import Job
from schedules.models import ScheduledRun
from schedules.services import schedule_fire, schedules_fire_due
from tests.at_once import AT_ONCE, at_once
from training.models import TrainingRun

pytestmark = pytest.mark.slow


def test_concurrent_requests_with_one_key_make_one_job(live_world):
    world = live_world
    world.base_model()
    version = world.dataset_version()
    runs = at_once(world, lambda _n: world.training_run(version, idempotency_key="once"), range(12))
    assert len({run.id for run in runs}) == 1
    assert Job.objects.filter(idempotency_key="once").count() == TrainingRun.objects.count() == 1
    assert AuditEvent.objects.filter(action="training_run.created").count() == 1
    assert AuditEvent.objects.filter(target_id=runs[0].job_id, action="job.submitted").count() == 1
    assert chain_verify(world.organization.id).broken is None


def test_concurrent_different_requests_with_one_key_conflict(live_world):
    world = live_world
    world.base_model()
    version = world.dataset_version()
    answers = at_once(
        world, lambda number: world.training_run(version, idempotency_key="once", suffix=f"s{number}")
    )
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert {conflict.code for conflict in refused} == {"idempotency_key_reused"}
    assert len(refused) == AT_ONCE - 1 and TrainingRun.objects.count() == 1


def test_concurrent_dataset_versions_get_distinct_numbers(live_world):
    world = live_world
    world.document()
    dataset = world.dataset()
    at_once(
        world,
        lambda _n: dataset_version_create(
            dataset=dataset, documents=None, heldout_share=0.1, actor=world.actor
        ),
    )
    numbers = DatasetVersion.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, AT_ONCE + 1))


def test_schedule_fired_concurrently_has_one_run(live_world):
    world = live_world
    schedule = world.schedule()
    type(schedule).objects.update(next_fire_at="2020-01-01T00:00:00Z")

    def fire(number):
        return schedules_fire_due() if number % 2 else schedule_fire(schedule=schedule, actor=world.actor)

    answers = at_once(world, fire)
    assert ScheduledRun.objects.count() == 1
    fired = [answer for answer in answers if isinstance(answer, ScheduledRun) or answer == 1]
    assert len(fired) == 1


def test_concurrent_requests_create_one_default_suite(live_world):
    world = live_world
    suites = at_once(world, lambda _n: suite_default())
    assert len({suite.id for suite in suites}) == Suite.objects.count() == 1
