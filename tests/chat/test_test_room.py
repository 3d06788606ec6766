"""What no deployment serves answers only those who may release, marked as a test; for others it is absent."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from accounts.access import while_allowed
from chat.models import Conversation, Message
from chat.selectors import require_answering
from common.errors import KoshaError
from releases.services import deployment_withdraw, release_publish, release_reject
from tests.in_process import api_of
from tests.world import World

pytestmark = pytest.mark.slow

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


def withdrawn(world: World) -> str:
    name = served(world)
    deployment_withdraw(alias="production", actor=world.actor)
    return name


def in_a_withdrawn_release(world: World) -> str:
    name = in_a_served_release(world)
    deployment_withdraw(alias="production", actor=world.actor)
    return name


def replaced(world: World) -> str:
    name = served(world)
    served(world)
    return name


def served(world: World) -> str:
    name = approved(world)
    release_publish(release_id=name, alias="production", actor=world.actor)
    return name


def in_a_served_release(world: World) -> str:
    version = world.model_version()
    world.evaluation(version)
    release = world.release(version, approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    return version.name


def published(world: World) -> str:
    served(world)
    return "production"


def base_alone(world: World) -> str:
    return world.base_model().name


TESTS = (
    candidate,
    rejected,
    not_evaluated,
    gate_failed,
    in_a_candidate,
    approved,
    in_an_approved_release,
    withdrawn,
    in_a_withdrawn_release,
    replaced,
)
OPEN = (served, in_a_served_release, published, base_alone)


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


@pytest.mark.parametrize("make", [candidate, approved, withdrawn, served])
@pytest.mark.parametrize("role", ["viewer", "reviewer"])
def test_the_console_offers_and_marks_tests(world: World, role: str, make: Callable) -> None:
    name, browser = make(world), world.browser(role)
    page = browser.get("/chat").content.decode()
    is_test, tests = make is not served, role == "reviewer"
    assert (f'value="{name}"' in page) == ("Test room" in page) == (tests and is_test)
    assert (
        ('value="production"' in page)
        == ("Answers come from the release that is served" in page)
        == (not is_test)
    )
    assert ("Nothing is served at the moment" in page) == is_test
    release_page = browser.get(f"/releases/{name}").content.decode()
    assert (f"?with={name}" in release_page) == (tests and is_test)
    assert ("?with=production" in release_page) == (not is_test)


@pytest.mark.parametrize(
    ("make", "says"),
    [(served, "What answered here is no longer served"), (published, "taken out of service")],
)
@pytest.mark.django_db(transaction=True)
def test_a_conversation_ends_with_the_service(
    live_world: World, model_server, make: Callable, says: str
) -> None:
    name, browser = make(live_world), live_world.browser("viewer")
    b"".join(browser.post("/chat/ask", {"message": "有給休暇は?", "target": name}))
    address = Conversation.objects.get().get_absolute_url()
    assert 'name="message"' in browser.get(address).content.decode()
    deployment_withdraw(alias="production", actor=live_world.actor)
    page = browser.get(address).content.decode()
    assert says in page and 'name="message"' not in page
    refused = browser.post(f"{address}/ask", {"message": "役員は?"})
    assert refused.status_code == 409 and says in json.loads(refused.content)["error"]["message"]


@pytest.mark.parametrize(
    ("make", "role", "code"),
    [
        (served, "viewer", "model_not_served"),
        (served, "reviewer", None),
        (published, "viewer", "deployment_out_of_service"),
        (published, "reviewer", "deployment_out_of_service"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_an_open_stream_ends_with_the_service(
    live_world: World, monkeypatch, make: Callable, role: str, code: str | None
) -> None:
    monkeypatch.setattr("accounts.access.LOOK_SECONDS", 0)
    name, principal = make(live_world), live_world.principal(role)

    async def pieces():
        yield 1
        await sync_to_async(deployment_withdraw)(alias="production", actor=live_world.actor)
        yield 2

    async def read() -> list[int]:
        still = partial(require_answering, name, principal)
        return [piece async for piece in while_allowed(principal, pieces(), still)]

    if code is None:
        assert async_to_sync(read)() == [1, 2]
        return
    with pytest.raises(KoshaError) as ended:
        async_to_sync(read)()
    assert ended.value.code == code


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
    assert "Test: not served" in shown
