"""Releases: the gate, approval by a second person, publication, and rollback through the history."""

from __future__ import annotations

import pytest

from common.errors import Conflict, KoshaError, NotFound
from releases.models import Deployment
from releases.services import (
    deployment_rollback,
    model_version_delete,
    release_approve,
    release_publish,
    release_reject,
)
from tests.in_process import api_of


def refused(code: str):
    return pytest.raises(KoshaError, match=code)


def test_a_version_without_a_verdict_is_not_released(world):
    with refused("not_evaluated"):
        world.release(world.model_version())


def test_a_version_that_failed_its_gate_is_not_released(world):
    version = world.model_version()
    world.evaluation(version, passed=False)
    with refused("gate_failed"):
        world.release(version)


def test_a_version_whose_gate_was_not_decided_is_not_released(world):
    version = world.model_version()
    world.evaluation(version, passed=False, reason="not_measured")
    with refused("gate_inconclusive"):
        world.release(version)


def test_the_newest_verdict_counts(world):
    version = world.model_version()
    world.evaluation(version, passed=False)
    passed = world.evaluation(version)
    assert world.release(version).evaluation == passed
    world.evaluation(version, passed=False)
    with refused("gate_failed"):
        world.release(version)


def test_an_index_that_is_being_built_is_not_released(world):
    from retrieval.services import knowledge_base_create

    world.embedding_model()
    base = knowledge_base_create(name="x", documents=[world.document()], actor=world.actor)
    with refused("index_build_not_ready"):
        world.release(None, base.builds.get())


def test_releases_are_numbered_and_their_settings_complete(world):
    first, second = world.release(), world.release(generation={"temperature": 0.5})
    assert (first.number, second.number) == (1, 2)
    assert second.generation == {"max_tokens": 256, "temperature": 0.5, "top_p": 1.0, "passages": 3}


def test_a_second_person_decides_once(world):
    maker, reviewer = world.principal("owner"), world.principal("reviewer")
    release = world.release(actor=maker.actor)
    for decide in (release_approve, release_reject):
        with refused("second_person_needed"):
            decide(release_id=release.id, comment="", principal=maker)
    release_approve(release_id=release.id, comment="よい", principal=reviewer)
    with refused("release_already_decided"):
        release_reject(release_id=release.id, comment="", principal=reviewer)


def test_a_second_key_of_one_person_is_not_a_second_person(world):
    from accounts.services import api_key_create

    world.base_model()
    owner = api_of(world.key())
    _key, secret = api_key_create(
        name="another", role="admin", actor=world.actor, person=world.person(), by_role=None
    )
    release = owner.post("releases", {"model": "gemma"}).ok["id"]
    assert api_of(secret).post(f"releases/{release}/approve", {}).error[:2] == (403, "second_person_needed")
    assert api_of(world.key("reviewer")).post(f"releases/{release}/approve", {}).ok["status"] == "approved"


def test_only_approved_releases_are_published(world):
    waiting, rejected = world.release(), world.release()
    release_reject(release_id=rejected.id, comment="", principal=world.principal("reviewer"))
    for release in (waiting, rejected):
        with refused("release_not_approved"):
            release_publish(release_id=release.id, alias="production", actor=world.actor)
    assert not Deployment.objects.exists()


def test_rollbacks_return_through_the_history(world):
    first, second, third = (world.release(approved=True) for _ in range(3))

    def publish(release):
        return release_publish(release_id=release.id, alias="production", actor=world.actor).release

    def back():
        return deployment_rollback(alias="production", actor=world.actor).release

    assert [publish(first), publish(second), publish(second), publish(third)] == [
        first,
        second,
        second,
        third,
    ]
    assert back() == second
    assert back() == first
    with refused("nothing_to_roll_back_to"):
        back()
    assert publish(third) == third
    assert back() == first


def test_a_rollback_repeated_with_its_key_happens_once(world):
    first, second, third = (world.release(approved=True) for _ in range(3))
    for alias in ("production", "staging"):
        for release in (first, second, third):
            release_publish(release_id=release.id, alias=alias, actor=world.actor)
    api = api_of(world.key("owner"))

    def back(alias, key):
        return api.post(f"deployments/{alias}/rollback", headers={"Idempotency-Key": key})

    answers = [back("production", "a"), back("production", "a"), back("production", "b")]
    assert [answer.ok["release"] for answer in answers] == [second.id, second.id, first.id]
    # The first answer is repeated, also after the alias has changed.
    assert back("production", "a").ok["release"] == second.id
    assert Deployment.objects.get(alias="production").release == first
    assert back("staging", "a").error == (409, "idempotency_key_reused", "Idempotency-Key")
    assert Deployment.objects.get(alias="staging").release == third


def test_an_absent_alias_cannot_be_rolled_back(world):
    with pytest.raises(NotFound):
        deployment_rollback(alias="nowhere", actor=world.actor)


def test_aliases_have_separate_histories(world):
    first, second = world.release(approved=True), world.release(approved=True)
    release_publish(release_id=first.id, alias="staging", actor=world.actor)
    release_publish(release_id=second.id, alias="production", actor=world.actor)
    with refused("nothing_to_roll_back_to"):
        deployment_rollback(alias="production", actor=world.actor)


def test_a_version_in_a_release_cannot_be_deleted(world):
    version = world.model_version()
    world.evaluation(version)
    release = world.release(version)
    with pytest.raises(Conflict, match="model_in_use"):
        model_version_delete(version=version, actor=world.actor)
    release_reject(release_id=release.id, comment="", principal=world.principal("reviewer"))
    model_version_delete(version=version, actor=world.actor)
    with pytest.raises(NotFound):
        model_version_delete(version=version, actor=world.actor)
    with pytest.raises(NotFound):
        world.release(version)
