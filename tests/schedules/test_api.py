"""/v1/schedules: every operation, and every refusal with its code."""

from __future__ import annotations

import pytest

from demo.client import ApiClient
from tests.in_process import api_of
from tests.world import World


@pytest.fixture
def request_body(world: World) -> dict[str, str]:
    return {
        "name": "週次",
        "dataset": world.dataset("定期").id,
        "base_model": world.base_model().name,
        "eval": world.suite().id,
    }


def test_a_schedule_is_created_changed_listed_and_deleted(api: ApiClient, request_body) -> None:
    made = api.post("schedules", {**request_body, "cadence": "monthly", "day": 5, "hour": 3}).ok
    address = f"schedules/{made['id']}"
    assert {name: made[name] for name in request_body} == request_body
    assert (made["timing"]["cadence"], made["timing"]["day"], made["active"]) == ("monthly", 5, True)
    assert made["next_fire_at"] is not None and made["vector_store"] is None
    paused = api.post(address, {"name": "月次", "active": False, "timing": {"hour": 4}}).ok
    assert (paused["name"], paused["next_fire_at"]) == ("月次", None)
    assert paused["timing"] == {**made["timing"], "hour": 4}
    assert api.get(address).ok == paused
    assert api.get("schedules").ok["data"] == [paused]
    assert api.delete(address).ok["deleted"]
    assert api.get("schedules").ok["data"] == []
    assert api.get(address).error == (404, "not_found", None)


def test_a_schedule_updates_its_knowledge_base(world: World, api: ApiClient, request_body) -> None:
    base = world.knowledge_base([])
    assert api.post("schedules", {**request_body, "vector_store": base.id}).ok["vector_store"] == base.id


def test_a_schedule_is_fired_once_at_a_time(world: World, api: ApiClient) -> None:
    schedule = world.schedule()
    run = api.post(f"schedules/{schedule.id}/fire").ok
    assert (run["schedule"], run["ended_at"], run["release"], run["error"]) == (schedule.id, None, None, None)
    assert api.get(f"schedules/{schedule.id}/runs").ok["data"] == [run]
    assert api.get(f"schedules/{schedule.id}/runs/{run['id']}").ok == run
    assert api.post(f"schedules/{schedule.id}/fire").error == (409, "schedule_already_running", None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dataset": "ds_nothing"}, (404, "not_found", "dataset")),
        ({"base_model": "nothing"}, (404, "not_found", "base_model")),
        ({"eval": "suite_nothing"}, (404, "not_found", "eval")),
        ({"vector_store": "vs_nothing"}, (404, "not_found", "vector_store")),
        ({"hour": 24}, (400, "invalid_value", "hour")),
        ({"time_zone": "Atlantis/Port"}, (400, "invalid_value", "time_zone")),
        ({"alias": "Production"}, (400, "invalid_value", "alias")),
        ({"hyperparameters": {"epochs": 0}}, (400, "invalid_value", "hyperparameters.epochs")),
        ({"hyperparameters": {"x": 1}}, (400, "unknown_parameter", "hyperparameters.x")),
    ],
    ids=str,
)
def test_a_refusal_names_the_field(api: ApiClient, request_body, fields, expected) -> None:
    assert api.post("schedules", {**request_body, **fields}).error == expected


@pytest.mark.parametrize("path", ["", "/fire", "/runs", "/runs/srun_nothing"])
def test_an_absent_schedule_or_run_is_not_found(world: World, api: ApiClient, path: str) -> None:
    there = world.schedule().id
    call = api.post if path == "/fire" else api.get
    assert call(f"schedules/sched_nothing{path}").error == (404, "not_found", None)
    assert api.get(f"schedules/{there}/runs/srun_nothing").error == (404, "not_found", None)


def test_a_viewer_reads_and_changes_nothing(world: World) -> None:
    schedule, viewer = world.schedule(), api_of(world.key("viewer"))
    assert viewer.get(f"schedules/{schedule.id}").ok["id"] == schedule.id
    assert viewer.post(f"schedules/{schedule.id}", {"active": False}).error[0] == 403
    assert viewer.post(f"schedules/{schedule.id}/fire").error[0] == 403
    assert viewer.delete(f"schedules/{schedule.id}").error[0] == 403
