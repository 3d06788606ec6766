"""API keys act at most as their person may act now, also on streams that are open already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from accounts import access
from accounts.access import AccessEnded, while_allowed
from accounts.models import ApiKey, Role, User
from accounts.permissions import ROLE_PERMISSIONS, lower_role
from accounts.selectors import principal_by_key, principal_now
from accounts.services import api_key_create, membership_remove, membership_set
from common.errors import InvalidRequest, PermissionDenied
from tests.in_process import api_of
from tests.world import World

pytestmark = pytest.mark.slow


def set_role(world: World, role: str, to: str) -> None:
    membership_set(
        organization_id=world.organization.id,
        user=world.person(role),
        role=to,
        actor=world.actor,
        by_role=None,
    )


# -- what may take the access away ------------------------------------------------------------------
def is_demoted(world: World) -> None:
    set_role(world, "editor", "viewer")


def is_removed(world: World) -> None:
    membership_remove(membership_id=world.membership("editor").id, actor=world.actor, by_role="owner")


def account_closes(world: World) -> None:
    User.objects.filter(pk=world.person("editor").pk).update(is_active=False)


def organization_closes(world: World) -> None:
    world.organization.is_active = False
    world.organization.save()


def key_expires(world: World) -> None:
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


EVENTS = [
    (is_demoted, (200, 403)),
    (is_removed, (401, 401)),
    (account_closes, (401, 401)),
    (organization_closes, (401, 401)),
    (key_expires, (401, 401)),
]
"""What happens, and how reading and writing are answered after it."""


@pytest.mark.parametrize(("event", "expected"), EVENTS)
def test_next_request_knows_the_present_role(world, event, expected):
    api = api_of(world.key("editor"))
    recipe = {"name": "新しい", "steps": [{"type": "segment"}, {"type": "split"}]}
    assert (api.get("/files").status, api.post("/recipes", recipe).status) == (200, 200)
    event(world)
    assert (api.get("/files").status, api.post("/recipes", {**recipe, "name": "次"}).status) == expected


def test_key_of_a_removed_person_does_not_come_back_with_the_person(world):
    api = api_of(world.key("editor"))
    person = world.person("editor")
    is_removed(world)
    membership_set(
        organization_id=world.organization.id, user=person, role="editor", actor=world.actor, by_role=None
    )
    assert api.get("/files").status == 401


def test_promotion_does_not_widen_a_key(world):
    key = world.key("viewer")
    set_role(world, "viewer", "owner")
    assert principal_by_key(key).role == "viewer"


def test_operator_key_is_one_while_its_person_is(world):
    key = world.key("viewer", is_operator=True)
    assert principal_by_key(key).is_operator
    User.objects.update(is_operator=False)
    assert not principal_by_key(key).is_operator


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("limit", Role.values)
def test_lower_role_is_within_both(role, limit):
    found = lower_role(role, limit)
    assert ROLE_PERMISSIONS[found] <= ROLE_PERMISSIONS[role] & ROLE_PERMISSIONS[limit]
    assert (found == Role.OWNER) == (role == limit == Role.OWNER)
    if role == limit:
        assert found == role
    if {role, limit} == {Role.EDITOR, Role.REVIEWER}:
        assert found == Role.VIEWER


# -- streams ----------------------------------------------------------------------------------------
async def slow_pieces(more: asyncio.Event) -> AsyncGenerator[int, None]:
    yield 1
    await more.wait()
    yield 2


@pytest.fixture
def looks_often(monkeypatch):
    monkeypatch.setattr(access, "LOOK_SECONDS", 0.05)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("event", [event for event, _expected in EVENTS])
async def test_open_stream_ends_also_while_nothing_comes(live_world, looks_often, event):
    in_thread: Callable = access.sync_to_async
    principal = principal_by_key_in(live_world)
    caller = await in_thread(principal)()
    closed = asyncio.Event()

    async def pieces() -> AsyncGenerator[int, None]:
        try:
            async for piece in slow_pieces(asyncio.Event()):
                yield piece
        finally:
            closed.set()

    stream = while_allowed(caller, pieces())
    assert await anext(stream) == 1
    await in_thread(event)(live_world)
    with pytest.raises(AccessEnded):
        await anext(stream)
    assert closed.is_set(), "what made the pieces is stopped"


def principal_by_key_in(world: World) -> Callable:
    return lambda: principal_by_key(world.key("editor"))


@pytest.mark.django_db(transaction=True)
async def test_stream_of_an_unchanged_caller_is_complete(live_world, looks_often):
    caller = await access.sync_to_async(principal_by_key_in(live_world))()
    more = asyncio.Event()
    stream = while_allowed(caller, slow_pieces(more))
    assert await anext(stream) == 1
    asyncio.get_running_loop().call_later(0.2, more.set)
    assert [piece async for piece in stream] == [2]


@pytest.mark.django_db(transaction=True)
async def test_error_of_the_pieces_reaches_the_reader(live_world):
    async def pieces() -> AsyncGenerator[int, None]:
        yield 1
        raise KeyError("broken")

    caller = await access.sync_to_async(principal_by_key_in(live_world))()
    stream = while_allowed(caller, pieces())
    assert await anext(stream) == 1
    with pytest.raises(KeyError, match="broken"):
        await anext(stream)


@pytest.mark.django_db(transaction=True)
def test_chat_stream_ends_with_an_error_event(live_world, web, model_server, looks_often):
    key, name = live_world.key("editor"), live_world.base_model("tiny").name
    model_server.answer, model_server.waits_after = ["有給休暇は"] * 500, 1
    question = {"model": name, "messages": [{"role": "user", "content": "?"}], "stream": True}
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.stream(
        "POST", f"{web}/v1/chat/completions", json=question, headers=headers, timeout=20
    ) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("data: {")
        is_removed(live_world)
        rest = [line for line in lines if line]
    assert '"code": "access_ended"' in rest[-1]
    model_server.go_on.set()
    assert model_server.closed_early.wait(10), "the answer stops at the model server"


def test_principal_of_a_session_is_found_again(world):
    browser_principal = world.principal("editor")
    assert principal_now(browser_principal).role == "editor"
    is_removed(world)
    assert principal_now(browser_principal).role is None


# -- making keys --------------------------------------------------------------------------------------
def test_keys_over_the_api(world):
    api = api_of(world.key("admin"))
    expires_at = int(timezone.now().timestamp()) + 3600
    made = api.post("/api_keys", {"name": "夜間", "role": "editor", "expires_at": expires_at}).ok
    assert (made["role"], made["expires_at"]) == ("editor", expires_at)
    assert made["person"] == world.person("admin").id
    assert api_of(made["secret"]).get("/files").status == 200
    listed = api.get("/api_keys").ok["data"]
    assert made["id"] in [key["id"] for key in listed] and "secret" not in listed[0]
    assert api.get(f"/api_keys/{made['id']}").ok["hint"] == f"…{made['secret'][-4:]}"
    assert api.delete(f"/api_keys/{made['id']}").ok["deleted"] is True
    assert api_of(made["secret"]).get("/files").status == 401


def test_key_makes_no_key_that_may_more_or_outlives_it(world):
    soon = timezone.now() + timedelta(hours=1)
    _key, secret = api_key_create(
        name="short",
        role="admin",
        actor=world.actor,
        person=world.person("admin"),
        by_role="admin",
        expires_at=soon,
    )
    api = api_of(secret)
    asked = {"name": "x", "role": "viewer"}
    assert api.post("/api_keys", {**asked, "expires_at": None}).status == 403
    assert api.post("/api_keys", {**asked, "expires_at": int(soon.timestamp()) + 60}).status == 403
    assert api.post("/api_keys", {**asked, "expires_at": int(soon.timestamp()) - 60}).status == 200
    assert api.post("/api_keys", {**asked, "role": "owner", "expires_at": 1}).status == 403


@pytest.mark.parametrize("role", ["admin", "reviewer"])
def test_nobody_makes_a_key_above_their_own_role(world, role):
    with pytest.raises(PermissionDenied):
        api_key_create(
            name="x", role=role, actor=world.actor, person=world.person("editor"), by_role="editor"
        )


def test_expiry_must_be_in_the_future(world):
    with pytest.raises(InvalidRequest, match="invalid_expiry"):
        api_key_create(
            name="x",
            role="viewer",
            actor=world.actor,
            person=world.person("admin"),
            by_role="admin",
            expires_at=timezone.now(),
        )


def test_page_makes_a_key_that_expires(world):
    admin = world.browser("admin")
    admin.post("/settings/keys/create", {"name": "一週間", "role": "viewer", "days": "7"})
    key = ApiKey.objects.get(name="一週間")
    assert abs(key.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert (
        admin.post("/settings/keys/create", {"name": "x", "role": "viewer", "days": "0"}).status_code == 400
    )


# -- who sees keys, and what records call them -----------------------------------------------------
@pytest.mark.parametrize("role", ["viewer", "reviewer", "editor", "admin", "owner"])
def test_page_and_api_show_the_same_keys_to_a_role(world, role):
    """Their own to everybody, those of others to those who manage keys."""
    own, foreign = f"own of {role}", "of somebody else"
    for name, person in ((own, world.person(role)), (foreign, world.operator("viewer"))):
        api_key_create(name=name, role="viewer", actor=world.actor, person=person, by_role=None)
    page = world.browser(role).get("/settings/keys").content.decode()
    api = api_of(world.key(role))
    answer = api.get("/api_keys").body
    shown = {key["name"] for key in answer["data"]}
    assert own in page and own in shown
    may_see_all = role in ("admin", "owner")
    assert (foreign in page, foreign in shown) == (may_see_all, may_see_all)
    id = ApiKey.objects.get(name=foreign).id
    assert api.get(f"/api_keys/{id}").status == (200 if may_see_all else 404)


def test_what_a_key_did_names_its_person_too(world):
    principal = principal_by_key(world.key("owner"))
    assert principal.actor.label == f"owner ({world.person('owner').email})"
    longest = ApiKey(name="名" * 200, person=world.person("owner"))
    assert len(longest.label) == 200 and longest.label.endswith(f"({world.person('owner').email})")


def test_a_release_approved_with_a_key_shows_who_did_it(world):
    release = world.release()
    api_of(world.key("reviewer")).post(f"/releases/{release.id}/approve", {})
    page = world.browser().get(release.get_absolute_url()).content.decode()
    assert f"reviewer ({world.person('reviewer').email})" in page
