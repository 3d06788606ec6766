"""The right to see personal data: who gives and withdraws it, and what is refused without it."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.access import AccessEnded, require_access
from accounts.invitations import invitation_accept
from accounts.links import digest_of
from accounts.models import ApiKey, Membership
from accounts.personal_data import RightNotHeld, personal_data_right_set
from accounts.selectors import principal_by_key, principal_now
from accounts.services import api_key_create, membership_set, user_create
from audit.models import AuditEvent
from common.permissions import Permission
from curation.models import DatasetVersion
from tests.accounts.conftest import invited
from tests.in_process import api_of
from tests.world import World

pytestmark = pytest.mark.slow

RIGHT = Permission.PERSONAL_DATA_READ


def decide(browser: Client, membership: Membership, what: str) -> int:
    answer = browser.post(f"/settings/members/{membership.id}/personal-data/{what}")
    return int(answer.status_code)


def withdraw(world: World, role: str) -> None:
    Membership.objects.filter(pk=world.membership(role).pk).update(reads_personal_data=False)


@pytest.mark.parametrize(
    ("by", "of", "by_has_it", "status", "is_changed"),
    [
        ("owner", "viewer", True, 302, True),
        ("admin", "editor", True, 302, True),
        ("owner", "admin", True, 302, True),
        ("admin", "owner", True, 302, False),
        ("owner", "owner", True, 302, False),
        ("admin", "admin", True, 302, False),
        ("admin", "editor", False, 403, False),
        ("editor", "viewer", True, 403, False),
        ("reviewer", "viewer", True, 403, False),
    ],
)
@pytest.mark.parametrize("what", ["give", "withdraw"])
def test_who_decides(world, by, of, by_has_it, status, is_changed, what):
    before, after = what == "withdraw", what == "give"
    for role in {by, of} - {"owner"}:
        Membership.objects.filter(pk=world.membership(role).pk).update(
            reads_personal_data=before if role == of and role != by else by_has_it
        )
    changed = world.membership(of)
    before = changed.reads_personal_data
    assert decide(world.browser(by), changed, what) == status
    changed.refresh_from_db()
    assert changed.reads_personal_data == (after if is_changed else before)
    events = AuditEvent.objects.filter(action="member.personal_data_set")
    assert [event.data["reads_personal_data"] for event in events] == ([after] if is_changed else [])


def test_nobody_gives_back_to_themselves_what_was_withdrawn(world):
    withdraw(world, "admin")
    assert decide(world.browser("admin"), world.membership("admin"), "give") == 302
    assert not world.membership("admin").reads_personal_data
    # Nor does one of two who withdraw it from each other at once.
    before = world.principal("admin")
    with pytest.raises(RightNotHeld):
        personal_data_right_set(membership_id=world.membership("editor").id, reads=True, principal=before)
    page = world.browser("admin").get("/settings/members").content.decode()
    assert "personal-data-" not in page
    assert (
        f"personal-data-{world.membership('admin').id}"
        in world.browser().get("/settings/members").content.decode()
    )


def test_an_owner_has_it(world):
    withdraw(world, "admin")
    membership_set(
        organization_id=world.organization.id,
        user=world.person("admin"),
        role="owner",
        actor=world.actor,
        by_role=None,
    )
    assert world.membership("admin").reads_personal_data


@pytest.mark.parametrize("has_it", [True, False])
def test_who_is_invited_gets_what_the_inviter_has(world, has_it):
    person = user_create(email="hanako@kaku.example", name="花子")
    path = invited(world)
    if not has_it:
        withdraw(world, "admin")
    joined = invitation_accept(sha256=digest_of(path.rpartition("/")[2]), user=person)
    assert joined.reads_personal_data == has_it


# -- keys -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("person", ["editor", None])
@pytest.mark.parametrize("of_key", [True, False])
@pytest.mark.parametrize("of_person", [True, False])
def test_key_has_it_where_its_person_has_it_too(world, person, of_key, of_person):
    _key, secret = api_key_create(
        name="鍵",
        role="editor",
        actor=world.actor,
        person=world.person(person) if person else None,
        by_role=None,
        reads_personal_data=of_key,
    )
    before = principal_by_key(secret)
    if not of_person:
        withdraw(world, "editor")
    now = principal_now(before)
    has_it = of_key and (of_person or person is None)
    assert now.may(RIGHT) == principal_by_key(secret).may(RIGHT) == has_it
    if before.may(RIGHT) and not has_it:
        with pytest.raises(AccessEnded):
            require_access(before)
    else:
        require_access(before)


@pytest.mark.parametrize(
    ("maker_has_it", "asked", "answer"),
    [
        (True, None, True),
        (True, True, True),
        (True, False, False),
        (False, None, False),
        (False, False, False),
        (False, True, 403),
    ],
)
@pytest.mark.parametrize("where", ["API", "console"])
def test_nobody_makes_a_key_with_more(world, maker_has_it, asked, answer, where):
    secret = world.key("admin")
    if not maker_has_it:
        ApiKey.objects.update(reads_personal_data=False)
    if where == "API":
        body = {"name": "新しい", "role": "viewer"} | (
            {} if asked is None else {"reads_personal_data": asked}
        )
        made = api_of(secret).post("api_keys", body)
        if answer == 403:
            assert made.error == (403, "permission_denied", "reads_personal_data")
        else:
            assert made.ok["reads_personal_data"] == answer
        return
    if not maker_has_it:
        withdraw(world, "admin")
    sent = {"name": "新しい", "role": "viewer"} | ({"reads_personal_data": "on"} if asked else {})
    world.browser("admin").post("/settings/keys/create", sent)
    assert ApiKey.objects.get(name="新しい").reads_personal_data == (maker_has_it and bool(asked))


# -- texts that cannot be masked --------------------------------------------------------------------
def test_records_and_items_of_unmasked_datasets_are_refused_without_it(world):
    evaluation = world.evaluation(world.model_version(version=world.dataset_version()))
    version = evaluation.dataset_version
    place = f"datasets/{version.dataset_id}/versions/{version.id}"
    api_paths = [
        f"{place}/records",
        f"{place}/dropped",
        f"{place}/changed",
        f"{place}/duplicates",
        f"evals/{evaluation.suite_id}/runs/{evaluation.id}/output_items",
    ]
    tabs = ("records", "dropped", "changed", "duplicates")
    pages = [*(f"/{place}/{tab}" for tab in tabs), f"/evaluations/{evaluation.id}/items"]
    api, browser = api_of(world.key("viewer")), world.browser("viewer")

    def statuses() -> set[int]:
        return {api.get(path).status for path in api_paths} | {
            browser.get(page).status_code for page in pages
        }

    assert statuses() == {200}
    withdraw(world, "viewer")
    assert statuses() == {200}, "the default recipe masks every kind"
    steps = [step for step in version.recipe["steps"] if step["type"] != "personal_data"]
    DatasetVersion.objects.update(recipe={**version.recipe, "steps": steps})
    assert statuses() == {403}
    assert api.get(api_paths[0]).error[:2] == (403, "texts_withheld")
    assert "you do not have the right to see it" in browser.get(pages[0]).content.decode()
