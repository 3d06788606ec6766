"""What the holder of a link is not told: whether the invited address has an account."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts.invitations import invitation_resend, invitation_withdraw
from accounts.models import Invitation, Membership, User
from accounts.passwords import password_link
from accounts.services import user_create
from audit.models import AuditEvent
from common.tenancy import every_organization
from tests.accounts.conftest import invited, link_in, signed_in, stranger
from tests.world import World

pytestmark = pytest.mark.slow

EMAIL = "hanako@kaku.example"
PASSWORD = "soba-to-udon-2026"
ACCOUNT = {"name": "花子", "password1": PASSWORD, "password2": PASSWORD}


def invite_by_form(world, browser, email):
    return world.browser("admin").post("/settings/members/invite", {"email": email, "role": "viewer"})


def open_link(world, browser, email):
    _invitation, link = invitation_resend(
        invitation_id=invitation_for(email).id, actor=world.actor, resent_by=None, by_role="admin"
    )
    return browser.get(link_in(link))


def invitation_for(email: str) -> Invitation:
    return Invitation.objects.get(email=email, revoked_at=None)


STEPS = {
    "the inviter's answer": invite_by_form,
    "the link": open_link,
    "the page": lambda world, browser, email: browser.get("/invitation"),
    "an unusable password": lambda world, browser, email: browser.post(
        "/invitation", {**ACCOUNT, "password1": "short", "password2": "short"}
    ),
    "acceptance without signing in": lambda world, browser, email: browser.post("/invitation/accept"),
    "a new account": lambda world, browser, email: browser.post("/invitation", ACCOUNT),
    "a new account once more": lambda world, browser, email: browser.post("/invitation", ACCOUNT),
    "the sign-in page after it": lambda world, browser, email: browser.get("/sign-in?next=/invitation"),
    **{
        f"wrong password {number}": lambda world, browser, email: browser.post(
            "/sign-in", {"username": email, "password": "a-wrong-one-2026", "next": "/invitation"}
        )
        for number in range(7)
    },
    "the members page": lambda world, browser, email: world.browser("admin").get("/settings/members"),
    "the link again": open_link,
}
"""Each step that the inviter and the holder of the link can take; wrong passwords up to the wait that they cause."""

RANDOM = re.compile(
    r"""(?<=name="csrfmiddlewaretoken"\ value=")[^"]+ | (?<=name="csrf-token"\ content=")[^"]+
    | (?<=invitations/)[\w-]+ | invite_\w+ | (?<=nonce[-=])"?[^'"\s]+ | <time[^>]*>[^<]*""",
    re.VERBOSE,
)
"""Tokens, ids and moments, which differ in every answer."""


def answer_of(answer: Any, email: str) -> tuple[int, dict[str, str], list[str], str]:
    named = ("location", "content-type", "cache-control", "retry-after")
    headers = {name: RANDOM.sub("", answer.headers.get(name, "")) for name in named}
    body = RANDOM.sub("", answer.content.decode()).replace(email, "…")
    return answer.status_code, headers, sorted(answer.cookies), body


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_no_step_tells_whether_the_address_has_an_account(world, is_confirmed):
    world.browser("admin")
    known = "known@kaku.example"
    person = user_create(email=known, name="既存", password="the-one-of-the-owner-2026")
    User.objects.update(is_confirmed=is_confirmed)
    signed_in(person)
    answers: dict[str, list[Any]] = {}
    trails: dict[str, list[str]] = {}
    # The unknown address has the same length: a wait is told in seconds.
    for email in (known, "never@kaku.example"):
        browser, before = stranger(), AuditEvent.objects.count()
        answers[email] = [answer_of(step(world, browser, email), email) for step in STEPS.values()]
        # Of the inviter's organization, which is all that they may read.
        trails[email] = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))[before:]
        invitation_withdraw(invitation_id=invitation_for(email).id, actor=world.actor, by_role="admin")
    for name, there, not_there in zip(STEPS, *answers.values(), strict=True):
        assert there == not_there, name
    assert [answers[known][list(STEPS).index(name)][0] for name in ("a new account", "wrong password 6")] == [
        302,
        429,
    ]
    person.refresh_from_db()
    own = ("既存", True) if is_confirmed else ("花子", False)
    assert (person.name, person.check_password("the-one-of-the-owner-2026")) == own
    assert User.objects.get(email="never@kaku.example").check_password(PASSWORD)
    assert trails[known] == trails["never@kaku.example"] and trails[known]


def account_set(browser, password):
    name = "前の人" if password == EARLIER else "花子"
    return browser.post("/invitation", {"name": name, "password1": password, "password2": password})


def sign_in(browser, password):
    return browser.post("/sign-in", {"username": EMAIL, "password": password, "next": ""})


EARLIER = "made-in-advance-2026"


def made_in_advance(world):
    """Another organization invites the address, and whoever holds its link makes the account and signs in."""
    with World("yoso") as other:
        browser = stranger()
        browser.get(invited(other, EMAIL))
    account_set(browser, EARLIER)
    assert sign_in(browser, EARLIER).status_code == 302
    assert EMAIL in browser.get("/invitation").content.decode()
    return browser


def test_account_made_in_advance_gets_the_password_and_the_name_of_the_next_link(world):
    """So nobody keeps the address of another person. Signing in alone changes nothing of that."""
    earlier, browser = made_in_advance(world), stranger()
    browser.get(invited(world, EMAIL))
    account_set(browser, PASSWORD)
    user = User.objects.get(email=EMAIL)
    assert (user.name, user.check_password(PASSWORD)) == ("花子", True)
    assert earlier.post("/invitation/accept").status_code == 302, "the session has ended"
    with every_organization("both"):
        assert not Membership.objects.filter(user=user).exists()
    assert sign_in(stranger(), EARLIER).status_code == 200
    assert sign_in(browser, PASSWORD).status_code == 302
    browser.post("/invitation/accept")
    assert world.organization.name in browser.get("/").content.decode()


@pytest.mark.parametrize("use", ["joined", "password link"])
def test_account_that_is_in_use_keeps_its_password_and_its_person_learns_the_way_out(world, use):
    earlier, browser = made_in_advance(world), stranger()
    if use == "joined":
        assert earlier.post("/invitation/accept")["Location"] == "/"
    else:
        opened = stranger()
        opened.get(link_in(password_link(user=User.objects.get(email=EMAIL))))
        opened.post("/account/password/new", {"new_password1": EARLIER, "new_password2": EARLIER})
    browser.get(invited(world, EMAIL))
    account_set(browser, PASSWORD)
    assert User.objects.get(email=EMAIL).check_password(EARLIER)
    refused = sign_in(browser, PASSWORD).content.decode()
    assert "For a new password ask your operator for a password link." in refused
    browser.get(link_in(password_link(user=User.objects.get(email=EMAIL))))
    browser.post("/account/password/new", {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert earlier.get("/documents").status_code == 302, "the session has ended"
    browser.post("/invitation/accept")
    assert Membership.objects.filter(user__email=EMAIL).exists()


def test_the_way_out_with_a_mail_server_is_a_mailed_link(world, mails):
    refused = sign_in(stranger(), PASSWORD).content.decode()
    assert "For a new password choose “Password forgotten”." in refused
