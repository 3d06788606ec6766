"""Writes: organizations, people, memberships and API keys."""

from __future__ import annotations

import hashlib
import secrets

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Membership, Organization, Role, User
from audit.services import Actor, audit_record
from common.errors import Conflict, InvalidRequest, NotFound, PermissionDenied
from common.tenancy import current_organization_id, organization_scope

KEY_PREFIX = "sk-kosha-"


@transaction.atomic
def organization_create(*, name: str, slug: str, actor: Actor) -> Organization:
    if Organization.objects.filter(slug=slug).exists():
        raise Conflict("organization_exists", _("An organization with this short name exists."), param="slug")
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


def user_create(*, email: str, name: str, password: str | None = None, is_operator: bool = False) -> User:
    """Without a password the person cannot sign in until one is set."""
    user = User(email=email, name=name, is_operator=is_operator)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise Conflict(
            "user_exists", _("A person with this e-mail address exists."), param="email"
        ) from error
    return user


@transaction.atomic
def membership_set(
    *, organization_id: str, user: User, role: str, actor: Actor, by_role: str | None
) -> Membership:
    """Add a member or change a role. `by_role` None is the operator setting up an organization."""
    if role not in Role.values:
        raise InvalidRequest("invalid_role", _("Choose one of the listed roles."), param="role")
    with organization_scope(organization_id):
        old = Membership.objects.select_for_update().filter(user=user).first()
        touches_owner = role == Role.OWNER or (old is not None and old.role == Role.OWNER)
        if touches_owner and by_role not in (None, Role.OWNER):
            raise PermissionDenied
        if old is not None and old.role == Role.OWNER and role != Role.OWNER:
            _require_another_owner(old)
        membership, _created = Membership.objects.update_or_create(
            user=user, organization_id=organization_id, defaults={"role": role}
        )
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
    membership = Membership.objects.select_for_update().filter(pk=membership_id).first()
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
    membership.delete()


def _require_another_owner(membership: Membership) -> None:
    others = Membership.objects.select_for_update().filter(role=Role.OWNER).exclude(pk=membership.pk)
    if not others.exists():
        raise Conflict("last_owner", _("An organization keeps at least one owner. Name another owner first."))


@transaction.atomic
def api_key_create(
    *,
    name: str,
    role: str,
    actor: Actor,
    created_by: User | None,
    by_role: str | None,
    is_operator: bool = False,
) -> tuple[ApiKey, str]:
    """The new key and its secret, which is shown this once and never again."""
    if role not in Role.values:
        raise InvalidRequest("invalid_role", _("Choose one of the listed roles."), param="role")
    if role == Role.OWNER and by_role not in (None, Role.OWNER):
        raise PermissionDenied
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        role=role,
        is_operator=is_operator,
        sha256=hashlib.sha256(secret.encode()).hexdigest(),
        hint=f"…{secret[-4:]}",
        created_by=created_by,
    )
    audit_record(
        organization_id=current_organization_id(),
        actor=actor,
        action="api_key.created",
        target_type="api_key",
        target_id=key.id,
        data={"name": name, "role": role},
    )
    return key, secret


@transaction.atomic
def api_key_revoke(*, key_id: str, actor: Actor) -> None:
    key = ApiKey.objects.select_for_update().filter(pk=key_id, revoked_at=None).first()
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
