"""Signing in and out: the audit trail, changing the password, and a person without an organization."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.module_loading import import_string

from accounts.attempt_limits import OF_ACCOUNT
from audit.models import AuditEvent
from config.settings import PASSWORD_HASHERS
from tests.console.company import PASSWORD


@pytest.fixture
def owner(company):
    return company.user("owner")


def sign_in(client: Client, email: str, password: str, **extra):
    return client.post("/sign-in", {"username": email, "password": password, "next": ""}, **extra)


def actions(company) -> list[str]:
    with company.scope():
        return list(AuditEvent.objects.order_by("created_at", "id").values_list("action", flat=True))


@pytest.mark.django_db(transaction=True)
def test_signing_in_and_out_is_recorded(company, owner):
    client = Client()
    assert sign_in(client, owner.email, PASSWORD).headers["Location"] == "/"
    assert client.get("/").status_code == 200
    assert client.post("/sign-out").status_code == 302
    assert client.get("/").headers["Location"].startswith("/sign-in")
    assert actions(company)[-2:] == ["session.signed_in", "session.signed_out"]


def test_a_wrong_password_does_not_reveal_whether_the_person_exists(owner):
    known = sign_in(Client(), owner.email, "wrong", HTTP_ACCEPT_LANGUAGE="en").content.decode()
    unknown = sign_in(Client(), "nobody@here.example", "wrong", HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "The e-mail address or the password is not right" in known
    assert "The e-mail address or the password is not right" in unknown


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_person_without_an_organization_is_told_what_to_do(company, language):
    client = company.client(None, language)
    page = client.get("/")
    assert page.status_code == 200
    assert (
        "どの組織にも所属していません" if language == "ja" else "You belong to no organization yet"
    ) in page.content.decode()
    assert client.get("/documents").status_code == 403


def change_password(client: Client, old: str, new: str):
    return client.post("/account/password", {"old_password": old, "new_password1": new, "new_password2": new})


def test_changing_the_password_needs_the_present_one(company, owner):
    client, new = company.client("owner"), "ramen-wa-tonkotsu-7"
    assert "The present password is not right" in change_password(client, "x", new).content.decode()
    assert change_password(client, PASSWORD, new).headers["Location"] == "/"
    assert client.get("/").status_code == 200
    owner.refresh_from_db()
    assert owner.check_password(new)


def test_changing_the_password_is_limited_like_signing_in(company, owner):
    client = company.client("owner")
    for _attempt in range(OF_ACCOUNT.free + 1):
        assert change_password(client, "wrong", "ramen-wa-tonkotsu-7").status_code == 200
    refused = change_password(client, PASSWORD, "ramen-wa-tonkotsu-7")
    assert refused.status_code == 429
    assert "Too many attempts failed" in refused.content.decode()


def test_the_product_hashes_passwords_with_argon2_at_full_cost():
    """The tests use a cheaper hasher."""
    hasher = import_string(PASSWORD_HASHERS[0])()
    kept = hasher.encode(PASSWORD, hasher.salt())
    assert kept.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
    assert hasher.verify(PASSWORD, kept)
