"""Mails: sent once the mail server takes them, with a link that is stored nowhere."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.invitations import invitation_create, invitation_withdraw
from accounts.mails import accounts_sweep, mails_send
from accounts.models import Invitation, OutgoingMail, PasswordLink
from accounts.selectors import mail_state
from accounts.services import user_create
from tests.accounts.conftest import due_now, expire_invitations, link_in

pytestmark = pytest.mark.slow

EMAIL = "hanako@kaku.example"
PASSWORD = "soba-to-udon-2026"


def invite(world, email: str = EMAIL) -> Invitation:
    invitation, link = invitation_create(
        email=email, role="viewer", actor=world.actor, invited_by=world.person("admin"), by_role="admin"
    )
    assert link is None, "the link is mailed and shown to nobody"
    return invitation


def ask_for_password(email: str, address: str = "10.0.0.1", language: str = "en"):
    return Client().post(
        "/account/password/forgotten", {"email": email}, REMOTE_ADDR=address, HTTP_ACCEPT_LANGUAGE=language
    )


def test_invitation_is_mailed_and_not_shown(world, mails):
    page = world.browser("admin").post("/settings/members/invite", {"email": EMAIL, "role": "viewer"})
    assert "A mail with a link is on its way" in page.content.decode()
    assert "data-link" not in page.content.decode()
    assert mails.taken == []
    mails_send()
    (mail,) = mails.taken
    assert mails.recipients == [EMAIL]
    assert mail["Subject"] == "Invitation to 株式会社kaku on Kosha"
    browser = Client()
    assert browser.get(link_in(mail.get_content()), follow=True).status_code == 200
    browser.post("/invitation", {"name": "花子", "password1": PASSWORD, "password2": PASSWORD})
    browser.post("/sign-in", {"username": EMAIL, "password": PASSWORD, "next": "/invitation"})
    browser.post("/invitation/accept")
    joined = world.organization.id and Invitation.objects.get()
    assert joined.accepted_at is not None and not joined.link_shown
    assert not OutgoingMail.objects.exists()
    mails_send()
    assert len(mails.taken) == 1


def test_mail_of_a_dead_server_is_sent_later(world, mails, settings):
    settings.EMAIL_PORT = 9
    invite(world)
    invite(world, "taro@kaku.example")
    mails_send()
    # The second one was not tried: the server itself is away.
    assert sorted(OutgoingMail.objects.values_list("failure", flat=True)) == ["", "unreachable"]
    assert mail_state().waiting == 1
    page = world.browser("admin").get("/settings/members").content.decode()
    assert "The mail server does not answer. The mail is tried again." in page
    settings.EMAIL_PORT = mails.port
    mails_send()
    assert mails.recipients == ["taro@kaku.example"]
    due_now()
    mails_send()
    assert sorted(mails.recipients) == [EMAIL, "taro@kaku.example"]
    assert mail_state().waiting == 0


@pytest.mark.parametrize(
    ("command", "answer", "failure", "is_final"),
    [
        ("RCPT", "550 no such mailbox", "refused", True),
        ("RCPT", "450 try later", "postponed", False),
        ("DATA", "554 no", "refused", True),
        ("MAIL", "550 who are you", "sender_refused", False),
    ],
)
def test_refused_mail_waits_or_ends(world, mails, command, answer, failure, is_final):
    mails.refuses = {command: answer}
    invite(world)
    mails_send()
    mail = OutgoingMail.objects.get()
    assert (mail.failure, mail.due_at is None) == (failure, is_final)
    mails.refuses = {}
    due_now()
    mails_send()
    assert len(mails.taken) == (0 if is_final else 1)


def test_addresses_and_links_stay_out_of_the_log(world, mails, caplog):
    mails.refuses = {"RCPT": f"550 <{EMAIL}> is unknown"}
    invite(world)
    mails_send()
    assert "a mail was not sent" in caplog.text
    assert EMAIL not in caplog.text and "/invitations/" not in caplog.text


def test_worker_that_was_killed_leaves_the_mail_to_the_next_one(world, mails, monkeypatch):
    invite(world)
    monkeypatch.setattr("accounts.mails.mail_send", killed)
    with pytest.raises(SystemExit):
        mails_send()
    monkeypatch.undo()
    mails_send()
    assert mails.taken == [], "another worker may still be sending it"
    due_now()
    mails_send()
    assert Client().get(link_in(mails.taken[0].get_content())).status_code == 302


def killed(**mail: str) -> None:
    raise SystemExit


def test_withdrawn_or_expired_invitation_is_not_mailed(world, mails):
    invitation_withdraw(invitation_id=invite(world).id, actor=world.actor, by_role="admin")
    invite(world, "taro@kaku.example")
    expire_invitations()
    mails_send()
    assert mails.taken == [] and not OutgoingMail.objects.exists()


def test_mail_is_written_in_the_language_of_the_inviter(world, mails):
    world.browser("admin", language="ja").post("/settings/members/invite", {"email": EMAIL, "role": "viewer"})
    mails_send()
    assert mails.taken[0]["Subject"].strip() == "Kosha の組織「株式会社kaku」への招待"
    assert "さんが、Kosha の組織" in mails.taken[0].get_content()


def test_resending_waits_a_minute(world, mails):
    invitation = invite(world)
    mails_send()
    answer = world.browser("admin").post(f"/settings/invitations/{invitation.id}/resend")
    assert answer.status_code == 409 and "sent a moment ago" in answer.content.decode()


# -- passwords ------------------------------------------------------------------------------------
def test_forgotten_password_is_set_through_a_mailed_link(db, mails):
    person = user_create(email=EMAIL, name="花子", password="forgotten-in-2026")
    elsewhere = Client()
    elsewhere.force_login(person)
    ask_for_password(EMAIL.upper())
    mails_send()
    path = link_in(mails.taken[0].get_content())
    browser = Client()
    assert browser.get(path)["Location"] == "/account/password/new"
    new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert browser.post("/account/password/new", new)["Location"] == "/"
    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    assert browser.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302, "the other sessions end"
    assert Client().get(path).status_code == 404, "the link works once"
    assert path.rpartition("/")[2] not in str(list(PasswordLink.objects.values()))


def test_asking_for_a_password_does_not_reveal_whether_the_address_has_an_account(db, mails):
    user_create(email=EMAIL, name="花子", password=PASSWORD)
    pages = [ask_for_password(email).content.decode() for email in (EMAIL, "nobody@kaku.example")]
    without_tokens = [page.split("<main")[1].split("csrf")[0] for page in pages]
    assert without_tokens[0] == without_tokens[1]
    # Until the mail is sent nothing differs: the account is looked up by the worker.
    assert OutgoingMail.objects.count() == 2 and not PasswordLink.objects.exists()
    mails_send()
    assert mails.recipients == [EMAIL] and not OutgoingMail.objects.exists()


def test_mails_to_one_address_are_limited(db, mails):
    codes = [ask_for_password(EMAIL, address=f"10.0.0.{number}").status_code for number in range(6)]
    assert codes == [200, 200, 200, 200, 429, 429]
    assert OutgoingMail.objects.count() == 4


@pytest.mark.parametrize("language", ["en", "ja"])
def test_without_a_mail_server_the_page_says_what_to_do(db, language):
    answer = ask_for_password(EMAIL, language=language)
    assert "manage.py password_link" in answer.content.decode()
    assert not OutgoingMail.objects.exists()


def test_operator_makes_a_link(db, capsys):
    person = user_create(email=EMAIL, name="花子")
    call_command("password_link", "--email", EMAIL)
    path = link_in(capsys.readouterr().out)
    browser = Client()
    browser.get(path)
    weak = {"new_password1": "202611292026", "new_password2": "202611292026"}
    assert browser.post("/account/password/new", weak).status_code == 400
    browser.post("/account/password/new", {"new_password1": PASSWORD, "new_password2": PASSWORD})
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_what_has_expired_is_deleted(world, mails):
    invite(world)
    Invitation.objects.update(expires_at="2020-01-01T00:00Z")
    OutgoingMail.objects.create(kind="password", email=EMAIL, language="en")
    OutgoingMail.objects.update(created_at="2020-01-01T00:00Z")
    accounts_sweep()
    assert not Invitation.objects.exists() and not OutgoingMail.objects.exists()
