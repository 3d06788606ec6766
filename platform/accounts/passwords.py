"""Writes: passwords that their owners set through a one-time link."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language

from accounts.attempt_limits import mail_attempt
from accounts.links import LinkNotValid, digest_of, new_secret, password_address
from accounts.models import MailKind, OutgoingMail, PasswordLink, User
from accounts.selectors import memberships_of
from accounts.services import session_note
from accounts.shown_links import password_link_mailed, password_link_shown, password_link_used
from audit.services import SYSTEM, Actor, audit_record

VALID = timedelta(days=7)
VALID_MAILED = timedelta(days=1)
"""A later one is mailed on request."""


@transaction.atomic
def password_link(*, user: User, actor: Actor = SYSTEM, mailed: bool = False) -> str:
    """A new link, which replaces the one before. It is nowhere else. One that is not mailed is shown to an operator."""
    secret = new_secret()
    valid = VALID_MAILED if mailed else VALID
    note = password_link_mailed if mailed else password_link_shown
    note(user)
    PasswordLink.objects.update_or_create(
        user=user, defaults={"sha256": digest_of(secret), "expires_at": timezone.now() + valid}
    )
    audit_record(
        organization_id=None,
        actor=actor,
        action="user.password_link_made",
        target_type="user",
        target_id=user.id,
    )
    return password_address(secret)


def password_mail(*, email: str) -> None:
    """Queue a mail with a link. Whether the address has an account is looked up when the mail is sent: neither the
    answer nor its time shows it."""
    OutgoingMail.objects.create(kind=MailKind.PASSWORD, email=email.lower(), language=get_language() or "")


def password_forgotten(*, email: str, address: str) -> None:
    """Raises TooManyAttempts."""
    mail_attempt(email=email, address=address)
    password_mail(email=email)


def password_link_of(sha256: str) -> PasswordLink:
    """Raises LinkNotValid."""
    return _valid(PasswordLink.objects.select_related("user").filter(sha256=sha256).first())


@transaction.atomic
def password_set(*, sha256: str, password: str) -> User:
    """Use the link. Every session of the person ends. Raises LinkNotValid."""
    rows = PasswordLink.objects.select_related("user").select_for_update()
    link = _valid(rows.filter(sha256=sha256).first())
    user = link.user
    user.set_password(password)
    user.is_confirmed = True
    user.save(update_fields=["password", "is_confirmed"])
    password_link_used(user)
    link.delete()
    for organization_id in {None, *(found.organization_id for found in memberships_of(user))}:
        session_note(user=user, organization_id=organization_id, action="member.password_changed")
    return user


def _valid(link: PasswordLink | None) -> PasswordLink:
    if link is None or link.expires_at <= timezone.now() or not link.user.is_active:
        raise LinkNotValid
    return link
