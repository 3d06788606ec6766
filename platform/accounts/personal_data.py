"""Writes: who has the right `personal_data.read`, to see personal data as written where no knowledge base masks it.

Every member has it until an administrator withdraws it. An owner always has it, so there is always somebody who may give
it back. Nobody changes their own, and nobody without it changes that of others.
"""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Role
from accounts.principal import Principal
from accounts.selectors import membership_get, principal_now
from accounts.services import lock_members
from audit.services import audit_record
from common.errors import Conflict, DeclaredError, PermissionDenied
from common.permissions import Permission
from common.tenancy import current_organization_id


class RightOfOwner(DeclaredError, Conflict):
    code = "right_of_owner"
    message = _("An owner always sees personal data. Change the role first.")


class OwnRight(DeclaredError, Conflict):
    code = "own_right"
    message = _("Another administrator decides whether you see personal data.")


class RightNotHeld(PermissionDenied):
    code = "right_not_held"
    message = _(
        "You do not have the right to see personal data, so you cannot decide who has it. Ask an owner."
    )


@transaction.atomic
def personal_data_right_set(*, membership_id: str, reads: bool, principal: Principal) -> Membership:
    """Holds from the next request; open streams end. Raises NotFound, RightOfOwner, OwnRight, RightNotHeld."""
    lock_members(current_organization_id())
    membership = membership_get(membership_id)
    if membership.user_id == principal.person_id:
        raise OwnRight
    if membership.role == Role.OWNER:
        raise RightOfOwner
    # Read under the lock: of two who withdraw it from each other the second one does not have it any more.
    now = principal_now(principal)
    if now is None or not now.may(Permission.MEMBERS_MANAGE) or not now.may(Permission.PERSONAL_DATA_READ):
        raise RightNotHeld
    membership.reads_personal_data = reads
    membership.save(update_fields=["reads_personal_data"])
    audit_record(
        organization_id=membership.organization_id,
        actor=principal.actor,
        action="member.personal_data_set",
        target_type="member",
        target_id=membership.id,
        data={"user": membership.user_id, "reads_personal_data": reads},
    )
    return membership
