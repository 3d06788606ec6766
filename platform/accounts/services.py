"""Writes: organizations, people, memberships and API keys. Invitations are in `accounts/invitations.py`."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.attempt_limits import network_of
from accounts.models import ApiKey, Invitation, Membership, Organization, OutgoingMail, Role, User
from accounts.permissions import ROLE_PERMISSIONS, lower_role
from audit.services import SYSTEM, Actor, audit_record
from common.errors import Conflict, InvalidRequest, NotFound, PermissionDenied
from common.locks import unique_or
from common.permissions import Permission
from common.tenancy import current_organization_id, organization_scope

KEY_PREFIX = "sk-kosha-"


@transaction.atomic
def organization_create(*, name: str, slug: str, actor: Actor) -> Organization:
    taken = Conflict("organization_exists", _("An organization with this short name exists."), param="slug")
    with unique_or(taken):
        organization = Organization.objects.create(name=name, slug=slug)
    audit_record(
        organization_id=organization.id,
        actor=actor,
        action="organization.created",
        target_type="organization",
        target_id=organization.id,
        data={"name": name},
    )
    return organization


@transaction.atomic
def user_create(
    *,
    email: str,
    name: str,
    password: str | None = None,
    is_operator: bool = False,
    actor: Actor = SYSTEM,
) -> User:
    """Without a password the person cannot sign in until one is set."""
    user = User(email=email, name=name, is_operator=is_operator)
    user.set_password(password)
    with unique_or(Conflict("user_exists", _("A person with this e-mail address exists."), param="email")):
        user.save()
    audit_record(
        organization_id=None,
        actor=actor,
        action="user.created",
        target_type="user",
        target_id=user.id,
        data={"operator": is_operator},
    )
    return user


@transaction.atomic
def session_note(*, user: User, organization_id: str | None, action: str) -> None:
    """Record a sign-in, a sign-out or a changed password in the trail of the session's organization."""
    audit_record(
        organization_id=organization_id,
        actor=Actor("user", user.id, user.name or user.email),
        action=action,
        target_type="user",
        target_id=user.id,
    )


@transaction.atomic
def wrong_password_note(*, email: str, address: str) -> None:
    """Record a wrong password for operators: the attempt is at the account, which may be of several organizations, and no
    organization learns where another's member signs in from. That of an unknown account is recorded too: otherwise the
    time that an answer takes would tell whether an account exists.
    """
    user = User.objects.filter(email=email.strip().lower()).first()
    audit_record(
        organization_id=None,
        actor=SYSTEM,
        action="session.password_refused",
        target_type="user",
        target_id=user.id if user else "unknown",
        data={"address": network_of(address)},
    )


@transaction.atomic
def membership_set(
    *, organization_id: str, user: User, role: str, actor: Actor, by_role: str | None
) -> Membership:
    """Add a member or change a role. `by_role` is None when an operator sets up an organization."""
    if role not in Role.values:
        raise InvalidRequest("invalid_role", _("Choose one of the listed roles."), param="role")
    with organization_scope(organization_id):
        lock_members(organization_id)
        old = Membership.objects.filter(user=user).first()
        touches_owner = role == Role.OWNER or (old is not None and old.role == Role.OWNER)
        if touches_owner and by_role not in (None, Role.OWNER):
            raise PermissionDenied
        if old is not None and old.role == Role.OWNER and role != Role.OWNER:
            _require_another_owner(old)
        membership, _created = Membership.objects.update_or_create(
            user=user, organization_id=organization_id, defaults={"role": role}
        )
        if role == Role.OWNER and not membership.reads_personal_data:
            membership.reads_personal_data = True
            membership.save(update_fields=["reads_personal_data"])
        if Permission.MEMBERS_MANAGE not in ROLE_PERMISSIONS[role]:
            _withdraw_invitations(user, actor)
        audit_record(
            organization_id=organization_id,
            actor=actor,
            action="member.role_set",
            target_type="member",
            target_id=membership.id,
            data={"user": user.id, "role": role},
        )
    return membership


@transaction.atomic
def membership_remove(*, membership_id: str, actor: Actor, by_role: str | None) -> None:
    lock_members(current_organization_id())
    membership = Membership.objects.filter(pk=membership_id).first()
    if membership is None:
        raise NotFound
    if membership.role == Role.OWNER:
        if by_role != Role.OWNER:
            raise PermissionDenied
        _require_another_owner(membership)
    audit_record(
        organization_id=membership.organization_id,
        actor=actor,
        action="member.removed",
        target_type="member",
        target_id=membership.id,
        data={"user": membership.user_id},
    )
    _withdraw_invitations(membership.user, actor)
    for key in ApiKey.objects.filter(person=membership.user, revoked_at=None):
        api_key_revoke(key_id=key.id, actor=actor)
    membership.delete()


def _withdraw_invitations(inviter: User, actor: Actor) -> None:
    """Those that the person made: they may not invite any more."""
    for invitation in Invitation.objects.filter(invited_by=inviter, accepted_at=None, revoked_at=None):
        invitation_revoke(invitation=invitation, actor=actor)


@transaction.atomic
def invitation_revoke(*, invitation: Invitation, actor: Actor) -> None:
    """The caller holds `lock_members`, so the invitation is not being accepted."""
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    OutgoingMail.objects.filter(invitation=invitation).delete()
    audit_record(
        organization_id=invitation.organization_id,
        actor=actor,
        action="invitation.revoked",
        target_type="invitation",
        target_id=invitation.id,
    )


def lock_members(organization_id: str) -> None:
    """Serialize the changes of members: if two owners demote each other, one of them is refused."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


def _require_another_owner(membership: Membership) -> None:
    others = Membership.objects.filter(role=Role.OWNER).exclude(pk=membership.pk)
    if not others.exists():
        raise Conflict("last_owner", _("An organization keeps at least one owner. Name another owner first."))


@transaction.atomic
def api_key_create(
    *,
    name: str,
    role: str,
    actor: Actor,
    person: User | None,
    by_role: str | None,
    expires_at: datetime | None = None,
    is_operator: bool = False,
    reads_personal_data: bool = True,
) -> tuple[ApiKey, str]:
    """The new key and its secret, which is shown only once. Nobody creates a key that may do more than they may:
    the caller gives `reads_personal_data` where they have the right themselves."""
    if role not in Role.values:
        raise InvalidRequest("invalid_role", _("Choose one of the listed roles."), param="role")
    if by_role is not None and lower_role(role, by_role) != role:
        raise PermissionDenied
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidRequest("invalid_expiry", _("The key must expire in the future."), param="expires_at")
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        role=role,
        is_operator=is_operator,
        reads_personal_data=reads_personal_data,
        sha256=hashlib.sha256(secret.encode()).hexdigest(),
        hint=f"…{secret[-4:]}",
        person=person,
        expires_at=expires_at,
    )
    audit_record(
        organization_id=current_organization_id(),
        actor=actor,
        action="api_key.created",
        target_type="api_key",
        target_id=key.id,
        data={"name": name, "role": role, "reads_personal_data": reads_personal_data},
    )
    return key, secret


@transaction.atomic
def api_key_revoke(*, key_id: str, actor: Actor) -> None:
    key = ApiKey.objects.select_for_update(no_key=True).filter(pk=key_id, revoked_at=None).first()
    if key is None:
        raise NotFound
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    audit_record(
        organization_id=key.organization_id,
        actor=actor,
        action="api_key.revoked",
        target_type="api_key",
        target_id=key.id,
    )
