"""What the holder of a link is not told: whether the invited address has an account."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts.invitations import invitation_resend, invitation_withdraw
from accounts.models import Invitation, User
from accounts.services import user_create
from audit.models import AuditEvent
from tests.accounts.conftest import invited, link_in, signed_in, stranger

pytestmark = pytest.mark.slow

EMAIL = "hanako@kaku.example"
PASSWORD = "soba-to-udon-2026"
ACCOUNT = {"name": "花子", "password1": PASSWORD, "password2": PASSWORD}


def invite_by_form(world, browser, email):
    return world.browser("admin").post("/settings/members/invite", {"email": email, "role": "viewer"})


def open_link(world, browser, email):
    link = invitation_resend(invitation_id=invitation_for(email).id, actor=world.actor, by_role="admin")[1]
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


def test_no_step_tells_whether_the_address_has_an_account(world):
    world.browser("admin")
    known = "known@kaku.example"
    person = user_create(email=known, name="既存", password="the-one-of-the-owner-2026")
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
    assert (person.name, person.check_password("the-one-of-the-owner-2026")) == ("既存", True)
    assert User.objects.get(email="never@kaku.example").check_password(PASSWORD)
    assert trails[known] == trails["never@kaku.example"] and trails[known]


def test_account_that_nobody_has_used_gets_the_password_of_the_next_link(world):
    """So nobody keeps an address by making its account before its person does."""
    browser = stranger()
    browser.get(invited(world))
    browser.post(
        "/invitation", {**ACCOUNT, "password1": "first-try-of-2026", "password2": "first-try-of-2026"}
    )
    browser.post("/invitation", ACCOUNT)
    user = User.objects.get(email=EMAIL)
    assert user.check_password(PASSWORD)
    signed_in(user)
    browser.post(
        "/invitation", {**ACCOUNT, "password1": "third-try-of-2026", "password2": "third-try-of-2026"}
    )
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
