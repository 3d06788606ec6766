"""Every combination of route, method, role and {own, foreign, absent} object.

The expected answers are derived only from the `routes.py` of the apps and `accounts/permissions.py`. A route that no
app declares fails, and so does a declared one that resolves to nothing.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from ninja.operation import PathView

from accounts.models import Role
from accounts.permissions import OPERATOR_PERMISSIONS, ROLE_PERMISSIONS
from accounts.services import user_create
from common.permissions import PAGE_ORGANIZATION_HEADER, Access, Permission
from middleware.route_rules import route_rules
from tests.accounts.things import absent, things
from tests.world import World

OPERATOR = "operator"
ANONYMOUS = "anonymous"
ROLES = (*Role.values, OPERATOR, ANONYMOUS)
SHARES = 2

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")

# A word that has several meanings, by the beginning of the route.
WORDS = {
    ("v1/fine_tuning/jobs", "job_id"): "ftjob_id",
    ("v1/schedules", "run_id"): "schedule_run_id",
    ("schedules", "run_id"): "schedule_run_id",
    ("training", "run_id"): "ftjob_id",
    ("training/models", "version_id"): "model_version_id",
    ("invitations", "secret"): "invitation_secret",
    ("account/password/links", "secret"): "password_secret",
}
# Private to a person and absent for colleagues, so it is requested only as its owner.
PRIVATE = {"conversation_id", "message_id"}
# A one-time link works for anyone who holds it, in any organization.
BEARER = {"invitation_secret", "password_secret"}
# Absent without a link that was opened in the same session.
BEHIND_LINKS = {"invitation", "invitation/accept", "account/password/new"}

STEPS = [{"type": "segment"}, {"type": "split"}]


def bodies(own: dict[str, str]) -> dict[str, Any]:
    """Bodies that are complete enough for the API to look up the object of the address."""
    return {
        "POST v1/files/<file_id>": {"personal_data": "masked"},
        "POST v1/uploads/<upload_id>/complete": {"part_ids": [own["part_id"]]},
        "POST v1/vector_stores/<vector_store_id>/files": {"file_id": own["file_id"]},
        "POST v1/vector_stores/<vector_store_id>/file_batches": {"file_ids": [own["file_id"]]},
        "POST v1/vector_stores/<vector_store_id>/search": {"query": "有給休暇"},
        "POST v1/evals/<eval_id>/runs": {
            "data_source": {"dataset_version": own["version_id"], "model": own["model"]}
        },
        "POST v1/recipes": {"name": "新しい", "steps": STEPS},
        "POST v1/uploads/<upload_id>/parts": Multipart(data=b"abc"),
        "POST chat/<conversation_id>/ask": {"message": "有給休暇は何日ですか"},
        "POST organization": {"organization": own["organization_id"]},
    }


class Multipart(dict[str, bytes]):
    """A body of files."""

    def fields(self) -> dict[str, SimpleUploadedFile]:
        return {name: SimpleUploadedFile("a.txt", content) for name, content in self.items()}


@dataclass(frozen=True)
class Route:
    method: str
    path: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_api(self) -> bool:
        return self.path.startswith("v1/")

    @property
    def words(self) -> list[str]:
        """The placeholders of the address, as keys of `things`."""
        found = PARAMETER.findall(self.path)
        return [
            next(
                (word for (start, name), word in WORDS.items() if name == n and self.path.startswith(start)),
                n,
            )
            for n in found
        ]

    def address(self, ids: list[str]) -> str:
        remaining = iter(ids)
        return "/" + PARAMETER.sub(lambda _match: next(remaining), self.path)


ROUTE_LIST = [Route(*key.split(" ", 1)) for key in route_rules()]


# -- the rules and the addresses agree -----------------------------------------------------------
def resolved() -> dict[str, Any]:
    """Every route that Django can resolve, with its view."""

    def walk(patterns: list[Any], start: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for pattern in patterns:
            here = start + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                found |= walk(pattern.url_patterns, here)
            else:
                assert isinstance(pattern, URLPattern)
                found[here] = pattern.callback
        return found

    return walk(get_resolver().url_patterns, "")


def operations(view: Any) -> set[str] | None:
    """The methods that an API route accepts; None for a console view, which declares none."""
    owner = getattr(view, "__self__", None) or _path_view(view)
    if owner is None:
        return None
    return {method for operation in owner.operations for method in operation.methods}


def _path_view(view: Any) -> PathView | None:
    cells = getattr(view, "__closure__", None) or ()
    return next((cell.cell_contents for cell in cells if isinstance(cell.cell_contents, PathView)), None)


def test_every_route_is_declared():
    listed = {route.path for route in ROUTE_LIST}
    assert sorted(set(resolved()) - listed - {"v1/"}) == []


def test_every_declared_route_resolves():
    assert sorted({route.path for route in ROUTE_LIST} - set(resolved())) == []


def test_every_operation_of_the_api_is_declared_and_nothing_else():
    taken = {
        f"{method} {path}"
        for path, view in resolved().items()
        if path.startswith("v1/")
        for method in operations(view) or ()
    }
    assert len(taken) > 70
    described = {"GET v1/openapi.json", "GET v1/docs"}
    assert taken == {route.key for route in ROUTE_LIST if route.is_api} - described


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Thousands of refusals would hide the relevant lines of the log."""
    caplog.set_level(logging.CRITICAL, "django.request")


# -- the walk -----------------------------------------------------------------------------------
@pytest.fixture
def foreign(db):
    world = World("yoso")
    with world:
        return things(world, alias="elsewhere", base_model_name="foreign-base", pages=2)


@pytest.fixture
def own(foreign, world):
    return things(world, alias="production", base_model_name="own-base")


class Caller:
    def __init__(self, world: World, role: str) -> None:
        self.role = role
        self.cookies = SimpleCookie()
        self.headers: dict[str, str] = {}
        self.page = {PAGE_ORGANIZATION_HEADER: world.organization.id}
        if role == ANONYMOUS:
            return
        # An operator's key belongs to an organization, with the lowest role; an operator's session to none.
        key = world.key("viewer", is_operator=True) if role == OPERATOR else world.key(role)
        self.headers = {"Authorization": f"Bearer {key}"}
        person = (
            user_create(email="op@example.com", name="op", is_operator=True)
            if role == OPERATOR
            else world.person(role)
        )
        console = Client()
        console.force_login(person)
        self.cookies = console.cookies

    def ask(self, route: Route, ids: list[str], body: Any) -> Any:
        """The answer; the changes are rolled back."""
        # A new client each time, because sign-out is one of the routes.
        client = Client(raise_request_exception=False, headers=self.page)
        if not route.is_api:
            client.cookies = SimpleCookie({name: morsel.value for name, morsel in self.cookies.items()})
        options: dict[str, Any] = {"headers": self.headers} if route.is_api else {}
        if isinstance(body, Multipart):
            options |= {"data": body.fields()}
        elif route.is_api and route.method != "GET":
            options |= {"data": json.dumps(body or {}), "content_type": "application/json"}
        elif body:
            options |= {"data": body}
        with transaction.atomic():
            answer = getattr(client, route.method.lower())(route.address(ids), **options)
            transaction.set_rollback(True)
        return answer

    @property
    def sees_the_key(self) -> bool:
        """It is the viewer's own; of others only those who manage keys see it."""
        manages = Permission.KEYS_MANAGE in ROLE_PERMISSIONS.get(self.role, ())
        return self.role == Role.VIEWER or manages

    def may(self, route: Route) -> bool:
        rule = route_rules()[route.key]
        if rule in (Access.OPEN, Access.PUBLIC):
            return True
        if self.role == ANONYMOUS:
            return False
        if rule is Access.SIGNED_IN:
            return True
        if rule is Access.OPERATOR:
            return self.role == OPERATOR
        assert isinstance(rule, Permission)
        if self.role == OPERATOR:
            return rule in OPERATOR_PERMISSIONS or (route.is_api and rule in ROLE_PERMISSIONS[Role.VIEWER])
        return rule in ROLE_PERMISSIONS[self.role]


def problem(caller: Caller, route: Route, own: dict, foreign: dict, body: Any) -> str | None:
    """What is wrong with the answers to this caller on this route, or None."""
    words = route.words
    unknown = [word for word in words if word not in own]
    if unknown:
        return f"the walker does not know what <{unknown[0]}> is; see tests/accounts/things.py"
    mine = caller.ask(route, [own[word] for word in words], body)
    if not caller.may(route):
        return _refusal(caller, route, mine)
    # An operator's session belongs to no organization, so every object is foreign.
    belongs = route.is_api or caller.role != OPERATOR
    is_foreign = not belongs and not BEARER.intersection(words)
    hidden = is_foreign or (PRIVATE.intersection(words) and caller.role != Role.OWNER)
    hidden = hidden or route.path in BEHIND_LINKS or ("key_id" in words and not caller.sees_the_key)
    if mine.status_code in (401, 403, 405) or (mine.status_code >= 500 and mine.status_code != 503):
        return f"own: {_brief(mine)}"
    if mine.status_code == 404 and not hidden:
        return f"own: {_brief(mine)}"
    if not words:
        return None
    nothing = absent()
    strangers = [] if BEARER.intersection(words) else [[foreign[word] for word in words]]
    if len(words) > 1:
        strangers.append([own[words[0]], *(foreign[word] for word in words[1:])])
    reference = caller.ask(route, [nothing[word] for word in words], body)
    if reference.status_code != 404:
        return f"absent: {_brief(reference)}"
    for ids in strangers:
        theirs = caller.ask(route, ids, body)
        if theirs.status_code != 404:
            return f"foreign: {_brief(theirs)}"
        if _text(theirs) != _text(reference):
            return "foreign and absent differ"
    return None


def _refusal(caller: Caller, route: Route, answer: Any) -> str | None:
    if caller.role == ANONYMOUS and not route.is_api:
        right = answer.status_code == 302 and answer["Location"].startswith("/sign-in?next=")
    else:
        right = answer.status_code == (401 if caller.role == ANONYMOUS else 403)
    return None if right else f"refused with {_brief(answer)}"


def _brief(answer: Any) -> str:
    return f"{answer.status_code} {' '.join(_text(answer).split())[:160]}"


def _text(answer: Any) -> str:
    """The content, without the random parts of a page."""
    content = b"" if answer.streaming else answer.content
    return re.sub(r'[A-Za-z0-9]{64}|/[^"\s]*', "", content.decode())


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_every_role_gets_what_the_rules_say(share, own, foreign, world):
    """The two organizations with all their objects take long to create, so each part of the test covers a share of the
    routes for every role."""
    body_of = bodies(own)
    callers = [Caller(world, role) for role in ROLES]
    wrong = [
        f"{caller.role}: {route.key}: {text}"
        for route in ROUTE_LIST[share::SHARES]
        for caller in callers
        if (text := problem(caller, route, own, foreign, body_of.get(route.key)))
    ]
    assert not wrong, "\n".join(wrong)


def test_revoked_or_expired_key_is_refused(world):
    from datetime import timedelta

    from django.utils import timezone

    from accounts.models import ApiKey
    from accounts.services import api_key_revoke

    secret = world.key()
    client, headers = Client(), {"Authorization": f"Bearer {secret}"}
    assert client.get("/v1/files", headers=headers).status_code == 200
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get("/v1/files", headers=headers).status_code == 401
    ApiKey.objects.update(expires_at=None)
    api_key_revoke(key_id=ApiKey.objects.get().id, actor=world.actor)
    assert client.get("/v1/files", headers=headers).status_code == 401


def test_session_is_refused_by_the_api_and_a_key_by_the_console(world):
    client = Client()
    client.force_login(world.person("owner"))
    assert client.get("/v1/files").status_code == 401
    headers = {"Authorization": f"Bearer {world.key()}"}
    assert Client().get("/organization", headers=headers).status_code == 302


def test_key_of_a_closed_organization_is_refused(world):
    secret = world.key()
    world.organization.is_active = False
    world.organization.save()
    assert Client().get("/v1/files", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
