"""/v1/releases and /v1/deployments: every operation, and every refusal with its code."""

from __future__ import annotations

import pytest

from demo.client import ApiClient
from jobs.models import Job
from tests.in_process import api_of
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
def reviewer(world: World) -> ApiClient:
    return api_of(world.key("reviewer"))


def test_a_release_goes_from_candidate_to_served_and_back(world: World, api, reviewer) -> None:
    world.base_model()
    base = world.knowledge_base()
    first = api.post("releases", {"model": "gemma", "note": "最初"}).ok
    second = api.post("releases", {"model": "gemma", "vector_store": base.id, "system_prompt": "丁寧に"}).ok
    assert (first["status"], first["model"], first["index_build"]) == ("candidate", "gemma", None)
    assert (second["number"], second["index_build"]) == (2, base.current_build_id)
    for made in (first, second):
        decided = reviewer.post(f"releases/{made['id']}/approve", {"comment": "よい"}).ok
        assert decided["approval"]["comment"] == "よい" and decided["status"] == "approved"
        served = api.post(f"releases/{made['id']}/publish", {"alias": "production"}).ok
        assert (served["alias"], served["release"]) == ("production", made["id"])
    assert api.post("deployments/production/rollback").ok["release"] == first["id"]
    (listed,) = api.get("deployments").ok["data"]
    assert listed["release_number"] == 1
    history = api.get("deployments/production").ok["history"]
    assert [change["action"] for change in history] == ["rollback", "publish", "publish"]
    assert [item["id"] for item in api.get("releases").ok["data"]] == [second["id"], first["id"]]
    assert api.get(f"releases/{first['id']}").ok["note"] == "最初"


def test_a_certain_index_build_may_be_named(world: World, api: ApiClient) -> None:
    world.base_model()
    build = world.knowledge_base().current_build
    assert api.post("releases", {"model": "gemma", "index_build": build.id}).ok["index_build"] == build.id


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model": "nothing"}, (400, "unknown_model", "model")),
        ({"model": "e5"}, (400, "wrong_model_kind", "model")),
        ({"vector_store": "vs_nothing"}, (404, "not_found", "vector_store")),
        ({"index_build": "index_nothing"}, (404, "not_found", "index_build")),
        ({"vector_store": "EMPTY"}, (409, "index_build_not_ready", "vector_store")),
        ({"generation": {"temperature": 3}}, (400, "invalid_value", "generation.temperature")),
        ({"generation": {"nonsense": 3}}, (400, "unknown_parameter", "generation.nonsense")),
        ({"note": "x" * 501}, (400, "invalid_value", "note")),
        ({"system_prompt": "x" * 20_001}, (400, "invalid_value", "system_prompt")),
    ],
)
def test_a_release_that_cannot_be_made_names_the_field(world, api, fields, expected) -> None:
    world.base_model(), world.embedding_model()
    if fields.get("vector_store") == "EMPTY":
        fields = {"vector_store": world.knowledge_base([]).id}
    assert api.post("releases", {"model": "gemma", **fields}).error == expected


def test_a_version_is_released_only_with_a_passed_gate(world: World, api: ApiClient) -> None:
    version = world.model_version()
    assert api.post("releases", {"model": version.name}).error == (409, "not_evaluated", "model")
    world.evaluation(version, passed=False)
    assert api.post("releases", {"model": version.name}).error == (409, "gate_failed", "model")
    evaluation = world.evaluation(version)
    assert api.post("releases", {"model": version.name}).ok["evaluation"] == evaluation.id


def test_refuses_own_repeated_and_unapproved_decisions(
    world: World, api: ApiClient, reviewer: ApiClient
) -> None:
    world.base_model()
    release = api.post("releases", {"model": "gemma"}).ok["id"]
    for decision in ("approve", "reject"):
        assert api.post(f"releases/{release}/{decision}", {}).error[:2] == (403, "second_person_needed")
    assert reviewer.post(f"releases/{release}/reject", {}).ok["status"] == "rejected"
    assert reviewer.post(f"releases/{release}/approve", {}).error[:2] == (409, "release_already_decided")
    assert api.post(f"releases/{release}/publish", {}).error[:2] == (409, "release_not_approved")


@pytest.mark.parametrize("alias", ["Production", "-x", "a" * 41, ""])
def test_an_alias_of_another_form_is_refused(world: World, api: ApiClient, alias: str) -> None:
    release = world.release(approved=True)
    refused = api.post(f"releases/{release.id}/publish", {"alias": alias})
    assert refused.error == (400, "invalid_value", "alias")


@pytest.mark.parametrize("path", ["approve", "reject", "publish"])
def test_an_absent_release_is_not_found(world: World, api: ApiClient, path: str) -> None:
    assert api.post(f"releases/rel_nothing/{path}", {}).error == (404, "not_found", None)
    assert api.get("releases/rel_nothing").error == (404, "not_found", None)


def test_an_absent_deployment_is_not_found(world: World, api: ApiClient) -> None:
    assert api.get("deployments/nowhere").error == (404, "not_found", None)
    assert api.post("deployments/nowhere/rollback").error == (404, "not_found", None)


def test_publishing_twice_changes_nothing(world: World, api: ApiClient) -> None:
    release = world.release(approved=True)
    answers = [api.post(f"releases/{release.id}/publish", {"alias": "production"}).ok for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(api.get("deployments/production").ok["history"]) == 1


def test_a_reviewer_may_approve_and_not_publish(world: World, reviewer: ApiClient) -> None:
    release = world.release(approved=True)
    assert reviewer.post("releases", {"model": "gemma"}).error[:2] == (403, "permission_denied")
    assert reviewer.post(f"releases/{release.id}/publish", {}).error[:2] == (403, "permission_denied")


LENIENT = {"type": "gate_rule", "metric": "bits_per_character", "direction": "lower", "require": "not_worse"}


def test_the_verdict_of_the_policys_gate_counts(world: World, api: ApiClient) -> None:
    version = world.model_version()
    default, lenient = world.suite(), api.post("evals", {"name": "甘い", "testing_criteria": [LENIENT]}).ok
    data = {"dataset_version": version.dataset_version_id, "model": version.name}

    def verdict(suite: str, passed: bool) -> None:
        run = api.post(f"evals/{suite}/runs", {"data_source": data}).ok
        world.evaluated(Job.objects.get(pk=run["job"]), passed=passed)

    def released() -> tuple | str:
        answer = api.post("releases", {"model": version.name})
        return answer.ok["policy"]["eval"] if answer.status == 200 else answer.error

    assert api.get("release_policy").ok["eval"] is None
    verdict(lenient["id"], True)
    assert released() == (409, "not_evaluated", "model")
    verdict(default.id, False)
    verdict(lenient["id"], True)
    assert released() == (409, "gate_failed", "model"), "the newest verdict of another suite does not count"
    assert api.post("release_policy", {"eval": lenient["id"]}).ok["eval"] == lenient["id"]
    assert released() == lenient["id"]
    verdict(default.id, False)
    assert released() == lenient["id"]
    verdict(lenient["id"], False)
    assert released() == (409, "gate_failed", "model")


def test_the_policy_is_changed_by_those_who_publish(
    world: World, api: ApiClient, reviewer: ApiClient
) -> None:
    suite = api.post("evals", {"name": "甘い", "testing_criteria": [LENIENT]}).ok["id"]
    for role in ("viewer", "reviewer", "editor"):
        refused = api_of(world.key(role)).post("release_policy", {"eval": suite})
        assert refused.error[:2] == (403, "permission_denied")
    assert api.post("release_policy", {"eval": "eval_nothing"}).error == (404, "not_found", "eval")
    made = api.post("release_policy", {"eval": suite}).ok
    assert api.post("release_policy", {"eval": suite}).ok == made == reviewer.get("release_policy").ok


def test_the_policy_names_the_suite_that_was_asked_for_also_where_it_demands_what_is_in_force(
    world: World, api: ApiClient
) -> None:
    one, same = (api.post("evals", {"name": name}).ok["id"] for name in ("基準", "同じ基準"))
    for suite in (one, same):
        assert api.post("release_policy", {"eval": suite}).ok["eval"] == suite
        assert api.get("release_policy").ok["eval"] == suite


def test_a_candidate_of_an_earlier_policy_is_not_approved(world: World, api: ApiClient, reviewer) -> None:
    world.base_model()
    release = api.post("releases", {"model": "gemma"}).ok["id"]
    suite = api.post("evals", {"name": "甘い", "testing_criteria": [LENIENT]}).ok["id"]
    api.post("release_policy", {"eval": suite}).check()
    assert reviewer.get(f"releases/{release}").ok["refusal"]["code"] == "release_policy_changed"
    assert reviewer.post(f"releases/{release}/approve", {}).error[:2] == (409, "release_policy_changed")
    assert reviewer.post(f"releases/{release}/reject", {}).ok["status"] == "rejected"


def test_a_version_that_failed_its_gate_since_is_not_approved(world: World, api: ApiClient, reviewer) -> None:
    version = world.model_version()
    world.evaluation(version)
    release = api.post("releases", {"model": version.name}).ok["id"]
    world.evaluation(version, passed=False)
    assert reviewer.post(f"releases/{release}/approve", {}).error[:2] == (409, "gate_failed")


def test_a_schedule_needs_a_suite_of_the_policy(world: World, api: ApiClient) -> None:
    suite = api.post("evals", {"name": "甘い", "testing_criteria": [LENIENT]}).ok["id"]
    body = {
        "name": "週次",
        "dataset": world.dataset().id,
        "base_model": world.base_model().name,
        "eval": suite,
    }
    assert api.post("schedules", body).error == (409, "suite_not_of_policy", "eval")
    api.post("release_policy", {"eval": suite}).check()
    assert api.post("schedules", body).ok["eval"] == suite
