"""Organizations: creating one, and the choice between several in the console."""

from __future__ import annotations

import pytest

from accounts.models import Organization
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
