"""Reads: the principal of a key or a session, and an organization's members and keys."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import ApiKey, Membership, User
from accounts.principal import Principal
from audit.services import Actor
from common.errors import NotFound
from common.tenancy import every_organization

SESSION_ORGANIZATION = "organization_id"

# `last_used_at` is not written at every call, because each read would then also write.
LAST_USED_RESOLUTION = timedelta(minutes=1)


def principal_by_key(key: str) -> Principal | None:
    digest = hashlib.sha256(key.encode()).hexdigest()
    now = timezone.now()
    with every_organization("the key determines the organization"):
        found = (
            ApiKey.objects.select_related("organization", "created_by")
            .filter(sha256=digest, revoked_at=None, organization__is_active=True)
            .first()
        )
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            return None
        if found.last_used_at is None or now - found.last_used_at > LAST_USED_RESOLUTION:
            ApiKey.objects.filter(pk=found.pk).update(last_used_at=now)
    return Principal(
        actor=Actor("api_key", found.id, found.name),
        organization_id=found.organization_id,
        role=found.role,
        user=found.created_by,
        is_operator=found.is_operator,
    )


def principal_by_session(request: HttpRequest) -> Principal | None:
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        return None
    memberships = memberships_of(user)
    chosen = request.session.get(SESSION_ORGANIZATION)
    membership = next((m for m in memberships if m.organization_id == chosen), None) or (
        memberships[0] if memberships else None
    )
    return Principal(
        actor=Actor("user", user.id, user.name or user.email),
        organization_id=membership.organization_id if membership else None,
        role=membership.role if membership else None,
        user=user,
        is_operator=user.is_operator,
    )


def memberships_of(user: User) -> list[Membership]:
    """A person's memberships by the name of the organization, as the organization switcher shows them."""
    with every_organization("a person may belong to several organizations"):
        return list(
            Membership.objects.filter(user=user, organization__is_active=True)
            .select_related("organization")
            .order_by("organization__name")
        )


def membership_list() -> QuerySet[Membership]:
    return Membership.objects.select_related("user").order_by("user__email")


def membership_get(id: str) -> Membership:
    membership = membership_list().filter(pk=id).first()
    if membership is None:
        raise NotFound
    return membership


def api_key_list() -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(revoked_at=None).order_by("-id")
