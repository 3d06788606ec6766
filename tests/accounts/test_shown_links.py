"""Whoever saw a one-time link of an account may be its person: every place that shows a link, and those that mail it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client

from accounts.invitations import invitation_create
from accounts.mails import accounts_sweep, mails_send
from accounts.models import Invitation, LinkShowing, Membership, User
from accounts.shown_links import SHOWN_DAYS, perhaps_same_person, shown_links
from tests.accounts.conftest import invited, link_in, stranger
from tests.world import World

pytestmark = pytest.mark.slow

EMAIL = "hanako@kaku.example"
PASSWORD = "soba-to-udon-2026"
NEW = {"new_password1": PASSWORD, "new_password2": PASSWORD}


def use(path: str, email: str = EMAIL) -> User:
    """Whoever holds the link comes into the account, and joins."""
    browser = stranger()
    browser.get(path)
    if "/password/" in path:
        assert browser.post("/account/password/new", NEW).status_code == 302
    else:
        browser.post("/invitation", {"name": "花子", "password1": PASSWORD, "password2": PASSWORD})
        browser.post("/sign-in", {"username": email, "password": PASSWORD, "next": ""})
        assert browser.post("/invitation/accept")["Location"] == "/"
    return User.objects.get(email=email)


def resend(world: World, by: str) -> str:
    page = world.browser(by).post(f"/settings/invitations/{Invitation.objects.get().id}/resend")
    return page.content.decode()


def printed(capsys, command: str, *options: str) -> dict:
    capsys.readouterr()
    call_command(command, *options)
    return json.loads(capsys.readouterr().out)


def by_invitation(world: World, capsys) -> tuple[list[User], User]:
    page = world.browser("owner").post("/settings/members/invite", {"email": EMAIL, "role": "reviewer"})
    return [world.person("owner")], use(link_in(page.content.decode()))


def by_new_link(world: World, capsys) -> tuple[list[User], User]:
    invited(world, EMAIL)
    return [world.person("owner"), world.person("admin")], use(link_in(resend(world, "owner")))


def by_link_that_was_replaced(world: World, capsys) -> tuple[list[User], User]:
    invited(world, EMAIL, by="owner")
    return [world.person("owner"), world.person("admin")], use(link_in(resend(world, "admin")))


def by_password_that_was_set_before(world: World, capsys) -> tuple[list[User], User]:
    """With a link of another organization, which nobody accepted; this invitation was made by somebody else."""
    owner = world.person("owner")
    with World("yoso") as other:
        _row, link = invitation_create(
            email=EMAIL, role="viewer", actor=other.actor, invited_by=owner, by_role=None
        )
        Membership.objects.create(organization=other.organization, user=owner, role="admin")
    browser = stranger()
    browser.get(link_in(link))
    browser.post("/invitation", {"name": "花子", "password1": PASSWORD, "password2": PASSWORD})
    browser.get(invited(world, EMAIL))
    browser.post("/sign-in", {"username": EMAIL, "password": PASSWORD, "next": ""})
    browser.post("/invitation/accept")
    return [owner, world.person("admin")], Membership.objects.get(user__email=EMAIL).user


def by_command_for_a_member(world: World, capsys) -> tuple[list[User], User]:
    account = world.person("reviewer")
    link = printed(capsys, "password_link", "--email", account.email)["password_link"]
    return [world.operator("owner")], use(link_in(link), account.email)


def by_command_for_a_new_organization(world: World, capsys) -> tuple[list[User], User]:
    world.operator("owner")
    made = printed(capsys, "organization_create", "--name", "x", "--slug", "new", "--owner", EMAIL)
    account = use(link_in(made["owner"]["password_link"]))
    return [User.objects.get(is_operator=True)], account


def by_command_for_an_existing_account(world: World, capsys) -> tuple[list[User], User]:
    operator = world.operator("owner")
    User.objects.create(email=EMAIL, name="花子", is_confirmed=False)
    made = printed(capsys, "organization_create", "--name", "x", "--slug", "new", "--owner", EMAIL)
    return [operator], use(link_in(made["owner"]["invitation_link"]))


PLACES = [
    by_invitation,
    by_new_link,
    by_link_that_was_replaced,
    by_password_that_was_set_before,
    by_command_for_a_member,
    by_command_for_a_new_organization,
    by_command_for_an_existing_account,
]


def linked(one: User) -> set[User]:
    return set(User.objects.filter(pk__in=perhaps_same_person(one.id, shown_links())))


@pytest.mark.parametrize("place", PLACES)
def test_who_saw_a_link_may_be_its_person(world: World, capsys, place: Callable) -> None:
    seen_by, account = place(world, capsys)
    assert linked(account) == set(seen_by)
    for each in seen_by:
        assert account in linked(each)
    LinkShowing.objects.exclude(used_at=None).update(used_at=F("used_at") - timedelta(days=SHOWN_DAYS))
    assert linked(account) == set()


def by_mailed_invitation(world: World, mails) -> tuple[User, User]:
    world.browser("owner").post("/settings/members/invite", {"email": EMAIL, "role": "reviewer"})
    mails_send()
    return world.person("owner"), use(link_in(mails.taken[-1].get_content()))


def by_mailed_password(world: World, mails) -> tuple[User, User]:
    """A link that was printed before is replaced."""
    operator, account = world.operator("owner"), world.person("reviewer")
    call_command("password_link", "--email", account.email)
    Client().post("/account/password/forgotten", {"email": account.email})
    mails_send()
    return operator, use(link_in(mails.taken[-1].get_content()), account.email)


@pytest.mark.parametrize("place", [by_mailed_invitation, by_mailed_password])
def test_a_mailed_link_was_seen_by_its_person_alone(world: World, mails, place: Callable) -> None:
    other, account = place(world, mails)
    assert linked(account) == set() and linked(other) == set()


def test_an_invitation_elsewhere_says_nothing_of_an_account_that_is_in_use(world: World) -> None:
    """So nobody keeps members of another organization from deciding."""
    reviewer, owner = world.person("reviewer"), world.person("owner")
    reviewer.set_password(PASSWORD)
    reviewer.save()
    with World("yoso") as other:
        _row, link = invitation_create(
            email=reviewer.email, role="viewer", actor=other.actor, invited_by=owner, by_role=None
        )
        Membership.objects.create(organization=other.organization, user=owner, role="admin")
    use(link_in(link), reviewer.email)
    assert linked(reviewer) == set()
    with other:
        assert linked(reviewer) == {owner}


def test_what_does_not_count_any_more_is_deleted(world: World, capsys) -> None:
    by_command_for_a_member(world, capsys)
    by_invitation(world, capsys)
    accounts_sweep()
    assert LinkShowing.objects.count() == 2
    LinkShowing.objects.update(used_at="2020-01-01T00:00Z")
    Invitation.objects.update(expires_at="2020-01-01T00:00Z")
    accounts_sweep()
    assert not LinkShowing.objects.exists()
