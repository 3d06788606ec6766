"""The release pages: making, approving, publishing and rolling back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts.models import Role
from releases.models import Approval, Deployment, Release
from tests.console.pages import text

pytestmark = pytest.mark.slow


def release_form(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 64, "temperature": 0, "top_p": 1, "passages": 3, **more}


def test_a_release_is_made_approved_published_and_rolled_back(everything, company):
    owner, reviewer = company.client(), company.client(Role.REVIEWER)
    form = release_form(everything["model"].name, knowledge=everything["knowledge"].id, note="第2回")
    address = owner.post("/releases/new", form).url
    assert b"You took part in this release" in owner.get(address).content
    owner.post(f"{address}/approve")
    with company.scope():
        release = Release.objects.get(note="第2回")
        assert release.state == "candidate"
    reviewer.post(f"{address}/approve", {"comment": "よい"})
    assert owner.post(f"{address}/publish", {"alias": "production"}).url == "/releases/served/production"
    with company.scope():
        assert Approval.objects.get(release=release).comment == "よい"
        assert Deployment.objects.get().release == release
    assert reviewer.post("/releases/served/production/rollback").status_code == 403
    owner.post("/releases/served/production/rollback")
    with company.scope():
        assert Deployment.objects.get().release == everything["release"]


def test_a_bad_alias_publishes_nothing(everything, company):
    address = everything["release"].get_absolute_url()
    company.client().post(f"{address}/publish", {"alias": "Not An Alias"})
    with company.scope():
        assert [deployment.alias for deployment in Deployment.objects.all()] == ["production"]


def test_the_page_of_an_alias_leads_to_the_api_keys(company, everything):
    page = text(company.client("viewer", "ja").get("/releases/served/production"))
    link = re.search(r'href="([^"]+)">APIキーへ<', page)
    assert link is not None and link[1] == "/settings/keys"
