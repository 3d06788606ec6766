"""The session's organization: pinned, and compared with that of the page by every write."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import Membership
from accounts.services import membership_remove, membership_set
from audit.models import AuditEvent
from common.permissions import PAGE_ORGANIZATION_HEADER, Permission
from common.tenancy import every_organization, organization_scope
from documents.models import Document
from middleware.route_rules import route_rules
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
def other(world):
    """A second organization of the same owner, whose name comes first."""
    with World("aaa") as other:
        join(other, world.person())
    return other


def join(world: World, user) -> Membership:
    return membership_set(
        organization_id=world.organization.id, user=user, role="owner", actor=world.actor, by_role=None
    )


def browser_of(user) -> Client:
    """As a browser, with the check of the forms' tokens."""
    client = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


def form_on(page, action: str) -> dict[str, str]:
    """The hidden fields of the form that leads to `action`."""
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page.content.decode(), re.S)
    assert form, action
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0]))


def organization_shown(browser: Client) -> str:
    found = re.search(r'<meta name="organization" content="(\w+)"', browser.get("/").content.decode())
    assert found
    return found[1]


def test_session_starts_in_the_organization_joined_first(world, other):
    browser = browser_of(world.person())
    assert organization_shown(browser) == world.organization.id


def test_session_does_not_change_when_a_membership_is_added(world):
    browser = browser_of(world.person())
    assert organization_shown(browser) == world.organization.id
    with World("aaa") as other:
        join(other, world.person())
    assert organization_shown(browser) == world.organization.id


def test_removed_member_is_not_moved_to_another_organization(world, other):
    browser = browser_of(world.person())
    organization_shown(browser)
    with organization_scope(world.organization.id):
        world.person("admin")
        membership_set(
            organization_id=world.organization.id,
            user=world.person("admin"),
            role="owner",
            actor=world.actor,
            by_role=None,
        )
        membership_remove(membership_id=world.membership("owner").id, actor=world.actor, by_role="owner")
    refused = browser.get("/documents")
    assert refused.status_code == 403 and "no_organization" in refused.content.decode()
    home = browser.get("/")
    assert (
        "You are no longer a member" in home.content.decode()
        and other.organization.name in home.content.decode()
    )
    answer = browser.post(
        "/organization", {**form_on(home, "/organization"), "organization": other.organization.id}
    )
    assert answer.status_code == 302
    assert organization_shown(browser) == other.organization.id


def test_form_of_one_organization_changes_nothing_in_another(world, other):
    """Tab one shows a form of the first organization; in tab two the person switches to the second."""
    browser = browser_of(world.person())
    document = world.document("規程.txt")
    page = browser.get(f"/documents/{document.id}")
    delete = form_on(page, f"/documents/{document.id}/delete")
    keys = form_on(browser.get("/settings/keys"), "/settings/keys/create")
    switch = form_on(browser.get("/"), "/organization")
    browser.post("/organization", {**switch, "organization": other.organization.id})
    made = browser.post("/settings/keys/create", {**keys, "name": "鍵", "role": "viewer"})
    assert made.status_code == 409
    assert "organization_switched" in made.content.decode() and "Nothing was changed" in made.content.decode()
    assert browser.post(f"/documents/{document.id}/delete", delete).status_code == 409
    with organization_scope(world.organization.id):
        assert Document.objects.filter(pk=document.pk).exists()
    # After switching back the same page works.
    browser.post(
        "/organization", {**form_on(browser.get("/"), "/organization"), "organization": world.organization.id}
    )
    assert browser.post(f"/documents/{document.id}/delete", delete).status_code == 302


def test_write_that_names_no_organization_is_refused(world):
    browser = Client()
    browser.force_login(world.person())
    assert browser.post("/settings/keys/create", {"name": "鍵", "role": "viewer"}).status_code == 409


def test_script_is_told_in_json(world, other):
    browser = world.browser()
    answer = browser.post(
        "/chat/ask",
        {"message": "?"},
        headers={
            "Accept": "application/json, text/event-stream",
            PAGE_ORGANIZATION_HEADER: other.organization.id,
        },
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "organization_switched")


def test_every_write_of_the_console_compares_the_organization(world, other):
    """Whatever the route: a page of another organization is refused before its view."""
    browser = world.browser()
    writes = [
        key.split(" ")
        for key, rule in route_rules().items()
        if isinstance(rule, Permission) and not key.startswith("GET ") and " v1/" not in key
    ]
    assert len(writes) > 20
    for method, route in writes:
        path = "/" + re.sub(r"<[^>]+>", "x", route)
        answer = browser.generic(method, path, headers={PAGE_ORGANIZATION_HEADER: other.organization.id})
        assert answer.status_code == 409, (method, route)


# -- what is recorded, and what is not kept --------------------------------------------------------
PASSWORD = "soba-to-udon-2026"


def _events() -> list[tuple[str, str, str]]:
    with every_organization("the trail of the organization and of the operators"):
        rows = AuditEvent.objects.filter(action="session.password_refused").order_by("id")
        return [(row.organization_id, row.target_id, row.data["address"]) for row in rows]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_wrong_password_is_recorded_for_operators_alone(world, is_known):
    person = world.person()
    person.set_password(PASSWORD)
    person.save()
    given = {"username": person.email if is_known else "nobody@else.example", "password": "wrong"}
    Client().post("/sign-in", given, REMOTE_ADDR="10.0.0.9")
    assert _events() == [("installation", person.id if is_known else "unknown", "10.0.0.9")]
    Client().post("/sign-in", {"username": person.email, "password": PASSWORD})
    assert len(_events()) == 1


def test_a_wrong_present_password_is_recorded(world):
    browser = world.browser("viewer")
    new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert browser.post("/account/password", {"old_password": "wrong", **new}).status_code == 200
    assert [target for _organization, target, _address in _events()] == [world.person("viewer").id]


@pytest.mark.parametrize("address", ["/", "/documents", "/v1/files", "/v1/models", "/v1/files/none"])
def test_what_was_shown_is_not_kept_by_the_browser(world, address):
    headers = {"Authorization": f"Bearer {world.key()}"} if address.startswith("/v1") else {}
    answer = world.browser("owner").get(address, headers=headers)
    assert answer["Cache-Control"] == "no-store"
