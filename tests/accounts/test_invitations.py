"""Invitations: a person becomes a member by their own consent, through a link that works once."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.invitations import (
    MOST_OPEN,
    invitation_accept,
    invitation_create,
    invitation_resend,
    invitation_withdraw,
    invited_account_make,
)
from accounts.links import LinkNotValid, digest_of
from accounts.models import Invitation, Membership, OutgoingMail, Role, User
from accounts.services import membership_remove, membership_set, user_create
from audit.models import AuditEvent
from common.errors import Conflict, KoshaError
from common.tenancy import organization_scope
from tests.accounts.conftest import expire_invitations, invited, link_in, signed_in, stranger
from tests.at_once import at_once
from tests.world import World

pytestmark = pytest.mark.slow

EMAIL = "hanako@kaku.example"
PASSWORD = "soba-to-udon-2026"
ACCOUNT = {"name": "花子", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def other(db):
    """Another organization."""
    return World("yoso")


def membership(world: World, email: str = EMAIL) -> Membership | None:
    with organization_scope(world.organization.id):
        return Membership.objects.filter(user__email=email).first()


def accept_as_new(browser: Client, email: str = EMAIL) -> None:
    """From the form of a new account to the membership."""
    page = browser.post("/invitation", ACCOUNT, follow=True)
    assert page.redirect_chain == [("/sign-in?next=/invitation", 302)]
    assert f'value="{email}"' in text(page) and "an account that was in use has kept its own" in text(page)
    page = browser.post(
        "/sign-in", {"username": email, "password": PASSWORD, "next": "/invitation"}, follow=True
    )
    assert "Accept the invitation" in text(page)
    assert browser.post("/invitation/accept")["Location"] == "/"


def text(answer) -> str:
    return answer.content.decode()


# -- a new person ---------------------------------------------------------------------------------
def test_new_person_accepts_with_a_password_of_their_own(world):
    browser, path = stranger(), invited(world)
    assert membership(world) is None
    page = browser.get(path, follow=True)
    assert page.redirect_chain == [("/invitation", 302)]
    assert "株式会社kaku" in text(page) and EMAIL in text(page)
    accept_as_new(browser)
    joined = membership(world)
    with organization_scope(world.organization.id):
        accepted = Invitation.objects.get()
    assert (accepted.invited_by, accepted.accepted_by) == (world.person("admin"), joined.user)
    assert (joined.role, accepted.link_shown) == ("reviewer", True)
    assert joined.user.check_password(PASSWORD)
    assert "株式会社kaku" in text(browser.get("/"))
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"invitation.created", "invitation.accepted"} <= actions


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password2": "another-one-2026"}, "The two passwords are not the same."),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"name": ""}, "This field is required."),
    ],
)
def test_unusable_account_is_refused_and_the_link_stays(world, change, sentence):
    browser = stranger()
    browser.get(invited(world))
    answer = browser.post("/invitation", {**ACCOUNT, **change})
    assert answer.status_code == 400 and sentence in text(answer)
    assert browser.post("/invitation", ACCOUNT).status_code == 302


# -- a person of another organization --------------------------------------------------------------
def test_running_session_stays_in_its_organization(world, other):
    with other:
        person = other.person("owner")
    browser = signed_in(person)
    assert other.organization.name in text(browser.get("/"))
    path = invited(world, person.email)
    assert membership(world, person.email) is None
    browser.get(path)
    accepted = browser.post("/invitation/accept", follow=True)
    assert "You are a member of 株式会社kaku now." in text(accepted)
    assert membership(world, person.email).role == "reviewer"
    with other:
        document = other.document("よその規程.txt")
    assert document.name in text(browser.get("/documents"))


def test_person_signs_in_and_accepts(world, other):
    person = user_create(email=EMAIL, name="花子", password=PASSWORD)
    browser = stranger()
    browser.get(invited(world))
    page = browser.post(
        "/sign-in", {"username": EMAIL, "password": PASSWORD, "next": "/invitation"}, follow=True
    )
    assert "Accept the invitation" in text(page)
    browser.post("/invitation/accept")
    assert membership(world).user == person
    assert "株式会社kaku" in text(browser.get("/"))


def test_invitation_is_of_no_use_to_another_account(world, other):
    with other:
        thief = other.person("owner")
    browser, path = signed_in(thief), invited(world)
    assert "the invitation is for another address" in text(browser.get(path, follow=True))
    assert browser.post("/invitation/accept").status_code == 403
    assert browser.post("/invitation", ACCOUNT).status_code == 400
    assert membership(world) is None and membership(world, thief.email) is None


# -- links that do not work -------------------------------------------------------------------------
def test_link_is_stored_as_a_hash_and_works_once(world):
    path = invited(world)
    secret = path.rpartition("/")[2]
    stored = str(list(Invitation.objects.values()))
    assert secret not in stored and digest_of(secret) in stored
    browser = stranger()
    browser.get(path)
    accept_as_new(browser)
    assert stranger().get(path).status_code == 404
    assert "This link is not valid any more" in text(stranger().get(path))


def expires(world: World, path: str) -> None:
    expire_invitations()


def is_withdrawn(world: World, path: str) -> None:
    invitation_withdraw(invitation_id=Invitation.objects.get().id, actor=world.actor, by_role="admin")


def is_replaced(world: World, path: str) -> None:
    invitation_resend(
        invitation_id=Invitation.objects.get().id, actor=world.actor, resent_by=None, by_role="admin"
    )


def loses_its_inviter(world: World, path: str) -> None:
    membership_remove(membership_id=world.membership("admin").id, actor=world.actor, by_role="owner")


def loses_the_right_of_its_inviter(world: World, path: str) -> None:
    membership_set(
        organization_id=world.organization.id,
        user=world.person("admin"),
        role="editor",
        actor=world.actor,
        by_role="owner",
    )


def account_of_inviter_closes(world: World, path: str) -> None:
    User.objects.filter(pk=world.person("admin").pk).update(is_active=False)


def organization_closes(world: World, path: str) -> None:
    world.organization.is_active = False
    world.organization.save()


@pytest.mark.parametrize(
    "event",
    [
        expires,
        is_withdrawn,
        is_replaced,
        loses_its_inviter,
        loses_the_right_of_its_inviter,
        account_of_inviter_closes,
        organization_closes,
    ],
)
def test_link_ends(world, event):
    world.person("owner")
    path, absent = invited(world), "/invitations/never-made"
    opened = stranger()
    opened.get(path)
    event(world, path)
    assert stranger().get(path).status_code == stranger().get(absent).status_code == 404
    # A page that was opened before accepts nothing, either.
    assert opened.get("/invitation").status_code == opened.post("/invitation", ACCOUNT).status_code == 404
    assert not User.objects.filter(email=EMAIL).exists()


def test_new_link_works_after_resending(world):
    invited(world)
    _invitation, link = invitation_resend(
        invitation_id=Invitation.objects.get().id, actor=world.actor, resent_by=None, by_role="admin"
    )
    assert stranger().get(link_in(link)).status_code == 302


def test_owner_is_invited_by_owners_alone(world):
    world.person("owner")
    with pytest.raises(KoshaError, match="permission_denied"):
        invited(world, role=Role.OWNER, by="admin")
    path = invited(world, role=Role.OWNER, by="owner")
    invitation = Invitation.objects.get()
    given = {"invitation_id": invitation.id, "actor": world.actor, "by_role": "admin"}
    with pytest.raises(KoshaError, match="permission_denied"):
        invitation_resend(**given, resent_by=world.person("admin"))
    with pytest.raises(KoshaError, match="permission_denied"):
        invitation_withdraw(**given)
    assert stranger().get(path).status_code == 302


@pytest.mark.parametrize(
    ("email", "code"), [(EMAIL, "invitation_exists"), ("editor@kaku.example", "member_exists")]
)
def test_second_invitation_is_refused(world, email, code):
    invited(world)
    world.person("editor")
    with pytest.raises(Conflict, match=code):
        invited(world, email.upper())


def test_expired_invitation_gives_way_to_a_new_one(world):
    invited(world)
    expire_invitations()
    assert stranger().get(invited(world)).status_code == 302


def test_open_invitations_are_limited(world):
    Invitation.objects.bulk_create(
        Invitation(
            organization=world.organization,
            email=f"{number}@kaku.example",
            role="viewer",
            expires_at="2099-01-01T00:00Z",
        )
        for number in range(MOST_OPEN)
    )
    with pytest.raises(Conflict, match="too_many_invitations"):
        invited(world)


# -- at the same moment ---------------------------------------------------------------------------
def outcome(work) -> str:
    try:
        work()
        return "done"
    except KoshaError as error:
        return error.code


@pytest.mark.django_db(transaction=True)
def test_link_is_used_by_one_of_many(live_world):
    sha256 = digest_of(invited(live_world).rpartition("/")[2])
    outcomes = at_once(
        live_world,
        lambda _n: outcome(lambda: invited_account_make(sha256=sha256, name="花子", password=PASSWORD)),
    )
    assert set(outcomes) == {"done"}
    user = User.objects.get(email=EMAIL)
    outcomes = at_once(live_world, lambda _n: outcome(lambda: invitation_accept(sha256=sha256, user=user)))
    assert sorted(outcomes) == ["done", *["link_not_valid"] * (len(outcomes) - 1)]


@pytest.mark.django_db(transaction=True)
def test_withdrawing_and_accepting_at_once_leaves_one_result(live_world):
    person = user_create(email=EMAIL, name="花子", password=PASSWORD)
    sha256 = digest_of(invited(live_world).rpartition("/")[2])
    invitation = Invitation.objects.get()
    works = [
        lambda: invitation_accept(sha256=sha256, user=person),
        lambda: invitation_withdraw(invitation_id=invitation.id, actor=live_world.actor, by_role="admin"),
    ]
    outcomes = at_once(live_world, outcome, works)
    invitation.refresh_from_db()
    assert outcomes.count("done") == 1
    assert (invitation.accepted_at is None) != (invitation.revoked_at is None)
    assert (membership(live_world) is not None) == (invitation.accepted_at is not None)


# -- the page -----------------------------------------------------------------------------------------
def test_page_lists_open_invitations_with_their_buttons(world):
    admin = world.browser("admin")
    page = admin.post("/settings/members/invite", {"email": EMAIL, "role": "viewer"})
    assert "no-store" in page.headers["Cache-Control"]
    assert link_in(text(page)) and "No mail server is set" in text(page)
    invitation = Invitation.objects.get()
    listed = text(admin.get("/settings/members"))
    assert EMAIL in listed and "/invitations/" + invitation.id not in listed.replace(
        "/settings/invitations/", ""
    )
    again = admin.post(f"/settings/invitations/{invitation.id}/resend")
    assert stranger().get(link_in(text(again))).status_code == 302
    admin.post(f"/settings/invitations/{invitation.id}/withdraw")
    assert f"The invitation of {EMAIL} was withdrawn." in text(admin.get("/settings/members"))
    assert EMAIL not in text(admin.get("/settings/members"))
    assert world.browser("editor").post("/settings/members/invite", {}).status_code == 403


def test_service_needs_a_known_role(world):
    with pytest.raises(KoshaError, match="invalid_role"):
        invitation_create(email=EMAIL, role="king", actor=world.actor, invited_by=None, by_role=None)
    assert not OutgoingMail.objects.exists()


def test_invalid_session_value_is_no_invitation(world):
    with pytest.raises(LinkNotValid):
        invitation_accept(sha256="", user=world.person("owner"))
