"""The settings pages: members with their roles, API keys that are shown once, and the audit trail."""

from __future__ import annotations

import re

import pytest

from accounts.models import ApiKey, Membership


def text(response) -> str:
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()


@pytest.mark.parametrize("role", ["admin", "owner"])
def test_an_invitation_is_listed_until_it_is_withdrawn(company, role):
    client = company.client(role)
    page = text(client.post("/settings/members/invite", {"email": "Hanako@ours.example", "role": "editor"}))
    link = re.search(r"<code data-link>([^<]+)</code>", page)
    assert link
    listed = text(client.get("/settings/members"))
    assert "hanako@ours.example" in listed and link[1] not in listed
    withdraw = re.search(r'action="(/settings/invitations/\w+/withdraw)"', listed)
    assert withdraw and client.post(withdraw[1]).status_code == 302
    assert 'action="/settings/invitations' not in text(client.get("/settings/members"))


def test_inviting_a_member_changes_nothing(company):
    editor = company.user("editor")
    answer = company.client("admin").post(
        "/settings/members/invite", {"email": editor.email, "role": "viewer"}
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
    assert last.url == "/settings/members"


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


@pytest.mark.parametrize(
    ("address", "page"),
    [("members/invite", "/settings/members"), ("keys/create", "/settings/keys")],
)
def test_an_answer_opened_again_by_its_address_leads_to_the_page(world, address, page):
    answer = world.browser("viewer").get(f"/settings/{address}")
    assert (answer.status_code, answer.url) == (302, page)


@pytest.mark.parametrize("action", ["role", "remove"])
def test_the_last_owner_stays_and_the_members_page_says_why(world, action):
    browser = world.browser("owner")
    owner = Membership.objects.get(role="owner")
    page = text(browser.post(f"/settings/members/{owner.id}/{action}", {"role": "viewer"}, follow=True))
    assert "keeps at least one owner" in page and owner.user.email in page
    assert Membership.objects.filter(role="owner").count() == 1
