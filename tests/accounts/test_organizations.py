"""Organizations: creating one, and the choice between several in the console."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.mails import mails_send
from accounts.models import Membership, Organization, User
from accounts.selectors import principal_by_key
from accounts.services import membership_set, organization_create
from audit.models import AuditEvent
from audit.services import SYSTEM
from common.errors import Conflict
from common.tenancy import organization_scope
from tests.world import World


@pytest.mark.django_db
def test_an_organization_is_created_once_and_audited():
    made = organization_create(name="株式会社新", slug="shin", actor=SYSTEM)
    with pytest.raises(Conflict, match="organization_exists"):
        organization_create(name="別", slug="shin", actor=SYSTEM)
    assert list(Organization.objects.values_list("name", flat=True)) == ["株式会社新"]
    with organization_scope(made.id):
        assert AuditEvent.objects.get().action == "organization.created"


@pytest.mark.parametrize("is_member", [True, False])
def test_a_person_chooses_one_of_their_own_organizations(world: World, is_member: bool):
    browser = world.browser()
    other = organization_create(name="株式会社二", slug="ni", actor=SYSTEM)
    if is_member:
        membership_set(
            organization_id=other.id, user=world.person(), role="viewer", actor=SYSTEM, by_role=None
        )
    answer = browser.post("/organization", {"organization": other.id})
    assert answer.status_code == (302 if is_member else 404)
    assert (other.name in browser.get("/").content.decode()) is is_member


# -- manage.py organization_create -------------------------------------------------------------------
def created(**options: str) -> dict[str, Any]:
    names = {
        "name": "株式会社新",
        "slug": "shin",
        "owner": "Owner@shin.example",
        "reviewer": "r@shin.example",
    }
    arguments = [part for name, value in {**names, **options}.items() for part in (f"--{name}", value)]
    call_command("organization_create", *arguments, stdout=(output := io.StringIO()))
    answer: dict[str, Any] = json.loads(output.getvalue())
    return answer


def test_command_ties_each_key_to_the_person_it_makes(db):
    made = created(key="pipeline", **{"key-days": "90"})
    for word, role in (("owner", "admin"), ("reviewer", "reviewer")):
        principal = principal_by_key(made[word]["api_key"])
        assert (principal.user.email, principal.role) == (made[word]["email"], role)
        assert timedelta(days=89) < principal.expires_at - timezone.now() <= timedelta(days=90)
    assert made["owner"]["email"] == "owner@shin.example"


def test_command_prints_links_for_first_passwords(db):
    made = created()
    with organization_scope(made["organization"]):
        assert set(Membership.objects.values_list("role", flat=True)) == {"owner", "reviewer"}
    path = urlsplit(made["owner"]["password_link"]).path
    assert Client().get(path)["Location"] == "/account/password/new"
    assert not User.objects.get(email="owner@shin.example").has_usable_password()


def test_command_mails_links_where_a_mail_server_is_set(db, mails):
    made = created()
    assert made["owner"] == {"email": "owner@shin.example", "password_link": None, "mailed": True}
    mails_send()
    assert sorted(mails.recipients) == ["owner@shin.example", "r@shin.example"]


def test_command_invites_a_person_who_has_an_account(world: World):
    owner = world.person()
    made = created(owner=owner.email, key="pipeline")
    path = urlsplit(made["owner"]["invitation_link"]).path
    with organization_scope(made["organization"]):
        assert not Membership.objects.filter(user=owner).exists()
    assert principal_by_key(made["owner"]["api_key"]) is None
    browser = world.browser()
    browser.get(path)
    browser.post("/invitation/accept")
    assert principal_by_key(made["owner"]["api_key"]).user == owner
