"""Reads: the principal of a key or a session, and an organization's members and keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import ApiKey, Invitation, Membership, OutgoingMail, User
from accounts.permissions import lower_role
from accounts.principal import Principal
from audit.services import Actor
from common.errors import NotFound
from common.mail import is_mail_set
from common.permissions import Permission
from common.tenancy import every_organization

SESSION_ORGANIZATION = "organization_id"

# `last_used_at` is not written at every call, because each read would then also write.
LAST_USED_RESOLUTION = timedelta(minutes=1)


def principal_by_key(key: str) -> Principal | None:
    digest = hashlib.sha256(key.encode()).hexdigest()
    with every_organization("the key determines the organization"):
        found = _keys().filter(sha256=digest).first()
        principal = _principal_of_key(found) if found else None
        if principal and found:
            _note_use(found)
    return principal


def _keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.select_related("organization", "person")


def _principal_of_key(key: ApiKey) -> Principal | None:
    """What the key may do now: its person may have lost a role, left the organization or closed the account."""
    if key.revoked_at is not None or key.is_expired or not key.organization.is_active:
        return None
    role, person, reads_personal_data = key.role, key.person, key.reads_personal_data
    if person is not None:
        membership = _membership(person, key.organization_id)
        if membership is None:
            return None
        role = lower_role(role, membership.role)
        reads_personal_data = reads_personal_data and membership.reads_personal_data
    return Principal(
        actor=Actor("api_key", key.id, key.label),
        organization_id=key.organization_id,
        role=role,
        user=person,
        is_operator=key.is_operator and person is not None and person.is_operator,
        reads_personal_data=reads_personal_data,
        expires_at=key.expires_at,
    )


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_RESOLUTION:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _membership(user: User, organization_id: str) -> Membership | None:
    """None where the account or the organization is closed, too."""
    if not user.is_active:
        return None
    return Membership.objects.filter(
        user=user, organization_id=organization_id, organization__is_active=True
    ).first()


def principal_by_session(request: HttpRequest) -> Principal | None:
    """The session's organization was chosen when the person signed in or switched; nothing else changes it."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        return None
    return _principal_of_user(user, session_organization(request, user))


def session_organization(request: HttpRequest, user: User) -> str | None:
    """The session's organization; at its first request, the one that the person joined first."""
    if SESSION_ORGANIZATION not in request.session:
        joined = sorted(memberships_of(user), key=lambda membership: membership.joined_at)
        if joined:
            request.session[SESSION_ORGANIZATION] = joined[0].organization_id
    chosen: str | None = request.session.get(SESSION_ORGANIZATION)
    return chosen


def _principal_of_user(user: User, organization_id: str | None) -> Principal:
    membership = None
    if organization_id is not None:
        with every_organization("the session determines the organization"):
            membership = _membership(user, organization_id)
    return Principal(
        actor=Actor("user", user.id, user.name or user.email),
        organization_id=membership.organization_id if membership else None,
        role=membership.role if membership else None,
        user=user,
        is_operator=user.is_operator,
        reads_personal_data=membership is None or membership.reads_personal_data,
    )


def principal_now(principal: Principal) -> Principal | None:
    """The same caller as the database knows it now; None if it has no access any more."""
    with every_organization("the caller is already known"):
        if principal.actor.kind == "api_key":
            key = _keys().filter(pk=principal.actor.id).first()
            return _principal_of_key(key) if key else None
        user = User.objects.filter(pk=principal.person_id, is_active=True).first()
    return _principal_of_user(user, principal.organization_id) if user else None


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


def invitation_list() -> list[Invitation]:
    """Those that wait for their person, the newest first, each with its waiting mail."""
    rows = Invitation.objects.filter(accepted_at=None, revoked_at=None).order_by("-id")
    return list(rows.select_related("invited_by", "mail"))


def api_key_get(id: str, principal: Principal) -> ApiKey:
    key = api_key_list(principal).filter(pk=id).first()
    if key is None:
        raise NotFound
    return key


def api_key_list(principal: Principal) -> QuerySet[ApiKey]:
    """Each with its person. Those who manage keys see all, others the keys that act for them."""
    keys = ApiKey.objects.filter(revoked_at=None).select_related("person").order_by("-id")
    return (
        keys
        if principal.may(Permission.KEYS_MANAGE)
        else keys.filter(person=principal.user, person__isnull=False)
    )


@dataclass(frozen=True)
class MailState:
    is_set: bool
    waiting: int
    """Mails that the mail server has not taken when they were sent."""
    oldest: datetime | None


def mail_state() -> MailState:
    rows = OutgoingMail.objects.filter(due_at__isnull=False).exclude(failure="")
    facts = rows.aggregate(waiting=Count("pk"), oldest=Min("created_at"))
    return MailState(is_mail_set(), **facts)
