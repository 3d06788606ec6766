"""What is not approved answers only those who may release, marked as a test; for others it is absent."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from chat.models import Message
from releases.services import release_publish, release_reject
from tests.in_process import api_of
from tests.world import World

QUESTION = [{"role": "user", "content": "有給休暇は何日ですか"}]


def candidate(world: World) -> str:
    return world.release().id


def rejected(world: World) -> str:
    release = world.release()
    release_reject(release_id=release.id, comment="", principal=world.principal("reviewer"))
    return release.id


def not_evaluated(world: World) -> str:
    return world.model_version().name


def gate_failed(world: World) -> str:
    version = world.model_version()
    world.evaluation(version, passed=False)
    return version.name


def in_a_candidate(world: World) -> str:
    version = world.model_version()
    world.evaluation(version)
    world.release(version)
    return version.name


def approved(world: World) -> str:
    return world.release(approved=True).id


def in_an_approved_release(world: World) -> str:
    version = world.model_version()
    world.evaluation(version)
    world.release(version, approved=True)
    return version.name


def published(world: World) -> str:
    release_publish(release_id=approved(world), alias="production", actor=world.actor)
    return "production"


def base_alone(world: World) -> str:
    return world.base_model().name


TESTS = (candidate, rejected, not_evaluated, gate_failed, in_a_candidate)
OPEN = (approved, in_an_approved_release, published, base_alone)


@pytest.mark.parametrize("role", ["viewer", "reviewer", "editor", "admin", "owner"])
@pytest.mark.parametrize("make", [*TESTS, *OPEN])
def test_who_gets_an_answer_and_its_mark(world: World, model_server, role: str, make: Callable) -> None:
    name, api = make(world), api_of(world.key(role))
    body = {"model": name, "messages": QUESTION}
    answer = api.post("chat/completions", body)
    named = name in {model["id"] for model in api.get("models").ok["data"]}
    if make in TESTS and role == "viewer":
        absent = api.post("chat/completions", {**body, "model": "nothing"})
        assert (answer.status, answer.error) == (absent.status, absent.error)
        assert api.get(f"models/{name}").error == api.get("models/nothing").error
        assert not named and model_server.bodies("/v1/chat/completions") == []
        return
    marked = {"test": True} if make in TESTS else None
    assert answer.ok.get("kosha") == marked
    assert named == (not name.startswith("rel_"))
    lines = api.post("chat/completions", {**body, "stream": True}).raw.text.splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert chunks and all(chunk.get("kosha") == marked for chunk in chunks)


@pytest.mark.parametrize("make", [candidate, approved])
@pytest.mark.parametrize("role", ["viewer", "reviewer"])
def test_the_console_offers_and_marks_tests(world: World, role: str, make: Callable) -> None:
    name, browser = make(world), world.browser(role)
    page = browser.get("/chat").content.decode()
    is_test = make is candidate
    assert (name in page) == (role == "reviewer" or not is_test)
    assert ("Test room" in page) == (role == "reviewer" and is_test)
    release_page = browser.get(f"/releases/{name}").content.decode()
    assert (f"?with={name}" in release_page) == (role == "reviewer" or not is_test)


@pytest.mark.django_db(transaction=True)
def test_the_console_stores_the_mark_with_the_answer(live_world: World, model_server) -> None:
    name = candidate(live_world)
    asked = {"message": "有給休暇は?", "target": name}
    refused = live_world.browser("viewer").post("/chat/ask", asked)
    assert (refused.status_code, json.loads(refused.content)["error"]["code"]) == (404, "model_not_found")
    browser = live_world.browser("reviewer")
    answer = b"".join(browser.post("/chat/ask", asked)).decode()
    assert '"test": true' in answer
    message = Message.objects.get(role="assistant")
    assert message.is_test
    shown = browser.get(message.conversation.get_absolute_url()).content.decode()
    assert "Test: not approved" in shown
