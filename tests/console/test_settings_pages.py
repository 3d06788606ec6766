"""The settings pages: members with their roles, API keys that are shown once, and the audit trail."""

from __future__ import annotations

import re

import pytest

from accounts.models import ApiKey, Membership, User


def text(response) -> str:
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()


def test_a_new_member_gets_a_password_that_is_shown_once(company):
    client = company.client("admin")
    page = client.post(
        "/settings/members/add", {"email": "Hanako@ours.example", "name": "花子", "role": "editor"}
    )
    found = re.search(r"<code data-password>([^<]+)</code>", text(page))
    assert found
    assert "no-store" in page.headers["Cache-Control"]
    assert User.objects.get(email="hanako@ours.example").check_password(found[1])
    assert found[1] not in text(client.get("/settings/members"))


def test_an_existing_person_is_added_without_a_password(company, stranger):
    somebody = stranger.user("viewer")
    page = text(
        company.client("admin").post(
            "/settings/members/add", {"email": somebody.email, "name": "", "role": "viewer"}
        )
    )
    assert "They have an account already" in page
    assert "data-password" not in page


def test_adding_a_member_again_changes_nothing(company):
    editor = company.user("editor")
    answer = company.client("admin").post(
        "/settings/members/add", {"email": editor.email, "name": "", "role": "viewer"}
    )
    assert answer.status_code == 400
    assert "This person is a member already" in answer.content.decode()
    with company.scope():
        assert Membership.objects.get(user=editor).role == "editor"


def test_changes_the_role_of_a_member_and_removes_it(company):
    editor = company.user("editor")
    client = company.client("admin")
    with company.scope():
        membership = Membership.objects.get(user=editor)
    client.post(f"/settings/members/{membership.id}/role", {"role": "reviewer"})
    with company.scope():
        assert Membership.objects.get(user=editor).role == "reviewer"
    client.post(f"/settings/members/{membership.id}/remove")
    with company.scope():
        assert not Membership.objects.filter(user=editor).exists()


def test_only_an_owner_makes_owners_and_the_last_one_stays(company):
    owner = company.user("owner")
    with company.scope():
        membership = Membership.objects.get(user=owner)
    assert 'value="owner"' not in text(company.client("admin").get("/settings/members"))
    answer = company.client("admin").post(f"/settings/members/{membership.id}/remove")
    assert answer.status_code == 403
    last = company.client("owner").post(f"/settings/members/{membership.id}/role", {"role": "viewer"})
    assert last.status_code == 409


def test_a_key_is_shown_once_and_can_be_revoked(company):
    client = company.client("admin")
    page = text(client.post("/settings/keys/create", {"name": "夜間バッチ", "role": "viewer"}))
    found = re.search(r"<code data-secret>([^<]+)</code>", page)
    assert found
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {found[1]}"}
    assert client.get("/v1/files", **bearer).status_code == 200
    assert found[1] not in text(client.get("/settings/keys"))
    with company.scope():
        key = ApiKey.objects.get()
    client.post(f"/settings/keys/{key.id}/revoke")
    assert client.get("/v1/files", **bearer).status_code == 401


def test_an_editor_only_reads_members_and_keys(company):
    client = company.client("editor")
    for path in ["/settings/members", "/settings/keys"]:
        assert 'method="post"' not in text(client.get(path)).split("<main")[1]
    assert client.post("/settings/keys/create", {"name": "x", "role": "viewer"}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_the_audit_trail_is_filtered_by_action(company):
    company.document("a.txt")
    page = text(company.client().get("/settings/audit?action=document.uploaded"))
    assert "uploaded a document</td>" in page
    assert "queued a job</td>" not in page
