"""The schedule pages: making, changing, pausing, firing and deleting one, and its runs."""

from __future__ import annotations

import pytest

from schedules.models import Schedule, ScheduledRun
from tests.console.products import base_model

pytestmark = pytest.mark.slow


def test_a_schedule_is_made_changed_paused_fired_and_deleted(products, company):
    version = products.dataset_version()
    base = base_model()
    client = company.client()
    timing = {
        "name": "毎月",
        "cadence": "monthly",
        "weekday": 0,
        "day": 5,
        "hour": 3,
        "time_zone": "Asia/Tokyo",
    }
    made = client.post(
        "/schedules/new",
        {
            **timing,
            "dataset": version.dataset_id,
            "base_model": base.id,
            "suffix": "m",
            "alias": "production",
        },
    )
    address = made.url
    client.post(f"{address}/edit", {**timing, "hour": 4})
    client.post(f"{address}/pause")
    client.post(f"{address}/fire")
    with company.scope():
        schedule = Schedule.objects.get()
        assert (schedule.hour, schedule.is_active, schedule.incremental) == (4, False, False)
        assert ScheduledRun.objects.count() == 1
    assert b"A run of this schedule is in progress" in client.post(f"{address}/fire", follow=True).content
    client.post(f"{address}/delete")
    assert client.get(address).status_code == 404
