"""Decisions, publications and rollbacks at the same moment, each on its own connection."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial

import pytest
from django.db import connection, transaction

from accounts.services import membership_set
from common import ids
from common.errors import Conflict, KoshaError
from common.tenancy import organization_scope
from evaluations.services import suite_create
from releases import services
from releases.models import Approval, Deployment, DeploymentChange, Release
from releases.policy import policy_set
from releases.selectors import deployment_history
from releases.services import (
    deployment_rollback,
    release_approve,
    release_create,
    release_publish,
    release_reject,
)
from tests.at_once import AT_ONCE
from tests.at_once import at_once as together

pytestmark = pytest.mark.slow


@pytest.fixture
def at_once(live_world):
    return partial(together, live_world)


def published_stack(deployment: Deployment) -> list[str]:
    """The stack that the history results in; fails where an entry does not follow from those before it."""
    stack: list[str] = []
    before = None
    for number, change in enumerate(deployment_history(deployment), start=1):
        assert (change.number, change.previous_release_id) == (number, before)
        if change.action == "publish":
            stack.append(change.release_id)
        else:
            stack.pop()
            assert stack[-1] == change.release_id
        before = change.release_id
    assert before == deployment.release_id
    return stack


def test_concurrent_publications_and_rollbacks_form_one_history(live_world, at_once):
    world = live_world
    base = world.base_model()
    releases = [world.release(approved=True) for _ in range(AT_ONCE)]
    release_publish(release_id=releases[0].id, alias="production", actor=world.actor)

    def change(number):
        if number % 3 == 2:
            return deployment_rollback(alias="production", actor=world.actor)
        release = releases[number % AT_ONCE]
        return release_publish(release_id=release.id, alias="production", actor=world.actor)

    answers = at_once(change, range(24))
    rolled_back = [a for n, a in enumerate(answers) if n % 3 == 2 and not isinstance(a, Conflict)]
    deployment = Deployment.objects.get(alias="production")
    assert published_stack(deployment)
    assert DeploymentChange.objects.filter(action="rollback").count() == len(rolled_back)
    assert base == Release.objects.get(pk=deployment.release_id).base_model


def test_concurrent_rollbacks_with_one_key_happen_once(live_world, at_once):
    world = live_world
    first, second, third = (world.release(approved=True) for _ in range(3))
    for release in (first, second, third):
        release_publish(release_id=release.id, alias="production", actor=world.actor)
    back = partial(deployment_rollback, alias="production", actor=world.actor, idempotency_key="once")
    assert {answer.release_id for answer in at_once(lambda _: back())} == {second.id}
    assert DeploymentChange.objects.filter(action="rollback").count() == 1


def test_concurrent_first_publications_make_one_deployment(live_world, at_once):
    world = live_world
    releases = [world.release(approved=True) for _ in range(AT_ONCE)]
    answers = at_once(
        lambda release: release_publish(release_id=release.id, alias="new", actor=world.actor), releases
    )
    done = [answer for answer in answers if not isinstance(answer, Conflict)]
    assert {a.code for a in answers if isinstance(a, Conflict)} <= {"published_meanwhile"}
    deployment = Deployment.objects.get()
    assert len(published_stack(deployment)) == len(done) >= 1


def test_the_history_keeps_its_order_when_the_clock_is_set_back(world, monkeypatch):
    """After the clock was set back, a new web process makes ids that sort before older ones."""
    first, second, third = (world.release(approved=True) for _ in range(3))
    for release in (first, second):
        release_publish(release_id=release.id, alias="production", actor=world.actor)
    monkeypatch.setattr(ids, "_last", 0)
    hour_ago = ids.time.time_ns() - 3600 * 10**9
    monkeypatch.setattr(ids.time, "time_ns", lambda: hour_ago)
    deployment = release_publish(release_id=third.id, alias="production", actor=world.actor)
    assert [change.release for change in deployment_history(deployment)] == [first, second, third]
    assert deployment_rollback(alias="production", actor=world.actor).release == second


def test_concurrent_decisions_on_a_release_leave_one(live_world, at_once):
    world = live_world
    release, reviewer = world.release(), world.principal("reviewer")

    def decide(number):
        decision = release_approve if number % 2 else release_reject
        return decision(release_id=release.id, comment="", principal=reviewer)

    answers = at_once(decide, range(AT_ONCE))
    assert sum(isinstance(answer, Release) for answer in answers) == 1
    assert Approval.objects.count() == 1
    assert Approval.objects.get().decision == Release.objects.get().state


def test_concurrent_releases_are_numbered_without_gaps(live_world, at_once):
    world = live_world
    base = world.base_model()

    def make(_number):
        return release_create(
            base_model=base,
            model_version=None,
            index_build=None,
            system_prompt="",
            generation={},
            note="",
            actor=world.actor,
        )

    made = at_once(make, range(AT_ONCE))
    assert sorted(release.number for release in made) == list(range(1, AT_ONCE + 1))


def test_a_response_shows_what_its_own_call_did(world, api, monkeypatch):
    """Found with 200 clients: a rollback answered with the release that another call published just after."""
    first, second, third = (world.release(approved=True) for _ in range(3))
    for release in (first, second):
        release_publish(release_id=release.id, alias="production", actor=world.actor)

    def overtaken(change):
        def run(**options):
            deployment = change(**options)
            release_publish(release_id=third.id, alias="production", actor=world.actor)
            return deployment

        return run

    monkeypatch.setattr(services, "deployment_rollback", overtaken(deployment_rollback))
    monkeypatch.setattr(services, "release_publish", overtaken(release_publish))
    answered = api.post("deployments/production/rollback", {}).ok
    assert (answered["release"], answered["release_number"]) == (first.id, first.number)
    answered = api.post(f"releases/{second.id}/publish", {"alias": "production"}).ok
    assert (answered["release"], answered["release_number"]) == (second.id, second.number)


@contextmanager
def committed_while_waiting(world, change):
    """`change` has been made and is committed only when another connection waits for it."""
    made, ended = threading.Event(), threading.Event()

    def other() -> None:
        try:
            with organization_scope(world.organization.id), transaction.atomic():
                change()
                made.set()
                while not ended.wait(0.02) and not _somebody_waits():
                    pass
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    assert made.wait(30)
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda world, _release: demote(world), "permission_denied"),
        (lambda world, _release: demand_another_gate(world), "release_policy_changed"),
        (
            lambda world, release: release_reject(
                release_id=release.id, comment="", principal=world.principal("admin")
            ),
            "release_already_decided",
        ),
    ],
    ids=["role", "policy", "decision"],
)
def test_an_approval_waits_for_what_is_being_changed(live_world, change, code):
    world = live_world
    release, reviewer = world.release(), world.principal("reviewer")
    world.person("admin")
    with (
        committed_while_waiting(world, lambda: change(world, release)),
        pytest.raises(KoshaError, match=code),
    ):
        release_approve(release_id=release.id, comment="", principal=reviewer)


def demote(world):
    membership_set(
        organization_id=world.organization.id,
        user=world.person("reviewer"),
        role="editor",
        actor=world.actor,
        by_role=None,
    )


def demand_another_gate(world):
    rule = {"metric": "bits_per_character", "direction": "lower", "require": "not_worse"}
    policy_set(suite=suite_create(name="門", actor=world.actor, gate_rules=[rule]), actor=world.actor)
