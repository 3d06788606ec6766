"""Writes: invitations, which their persons accept through a one-time link.

Whether the address has an account makes no difference to the inviter. The link goes to the address by mail; where no
mail server is set it is shown to whoever made it, and that is recorded (`accounts/shown_links.py`).
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.links import LinkNotValid, digest_of, invitation_address, new_secret
from accounts.models import Invitation, MailKind, Membership, OutgoingMail, Role, User
from accounts.permissions import ROLE_PERMISSIONS
from accounts.services import invitation_revoke, lock_members
from accounts.shown_links import invitation_link_shown, invitation_link_used
from audit.services import SYSTEM, Actor, audit_record
from common.errors import Conflict, InvalidRequest, KoshaError, NotFound, PermissionDenied
from common.locks import unique_or
from common.mail import is_mail_set
from common.permissions import Permission
from common.tenancy import current_organization_id, every_organization, organization_scope

VALID = timedelta(days=7)
RESENT_AFTER = timedelta(minutes=1)
MOST_OPEN = 1000
"""Open invitations of one organization."""


class WrongAccount(KoshaError):
    """The invitation is for another address than that of the person who is signed in."""

    status = 403

    def __init__(self) -> None:
        super().__init__(
            "invitation_of_another_account",
            _("This invitation is for another e-mail address. Sign out, and sign in with that address."),
        )


@transaction.atomic
def invitation_create(
    *, email: str, role: str, actor: Actor, invited_by: User | None, by_role: str | None
) -> tuple[Invitation, str | None]:
    """The invitation and, where no mail server is set, its link, which is shown only once.

    `by_role` is None for an operator. Raises Conflict `member_exists`, `invitation_exists`, `too_many_invitations`.
    """
    organization_id, email = current_organization_id(), email.lower()
    if role not in Role.values:
        raise InvalidRequest("invalid_role", _("Choose one of the listed roles."), param="role")
    if role == Role.OWNER and by_role not in (None, Role.OWNER):
        raise PermissionDenied
    lock_members(organization_id)
    _refuse_second(email)
    invitation = Invitation(
        organization_id=organization_id,
        email=email,
        role=role,
        invited_by=invited_by,
        expires_at=timezone.now() + VALID,
    )
    with unique_or(_exists()):
        invitation.save()
    _record(invitation, actor, "invitation.created", role=role)
    return invitation, _deliver(invitation, invited_by)


def _refuse_second(email: str) -> None:
    if Membership.objects.filter(user__email=email).exists():
        raise Conflict("member_exists", _("This person is a member already."), param="email")
    open_now = Invitation.objects.filter(accepted_at=None, revoked_at=None)
    open_now.filter(email=email, expires_at__lte=timezone.now()).update(revoked_at=timezone.now())
    if open_now.filter(email=email).exists():
        raise _exists()
    if open_now.count() >= MOST_OPEN:
        raise Conflict("too_many_invitations", _("Too many invitations are open. Withdraw some first."))


def _exists() -> Conflict:
    return Conflict(
        "invitation_exists",
        _("This person is invited already. Send the invitation again, or withdraw it."),
        param="email",
    )


@transaction.atomic
def invitation_resend(
    *, invitation_id: str, actor: Actor, resent_by: User | None, by_role: str | None
) -> tuple[Invitation, str | None]:
    """As `invitation_create`; the earlier link is not valid any more."""
    invitation = _open_for_change(invitation_id, by_role)
    if is_mail_set() and invitation.sent_at and timezone.now() - invitation.sent_at < RESENT_AFTER:
        raise Conflict(
            "invitation_just_sent", _("The mail was sent a moment ago. Wait a minute before the next.")
        )
    invitation.expires_at = timezone.now() + VALID
    invitation.save(update_fields=["expires_at"])
    _record(invitation, actor, "invitation.resent")
    return invitation, _deliver(invitation, resent_by)


@transaction.atomic
def invitation_withdraw(*, invitation_id: str, actor: Actor, by_role: str | None) -> Invitation:
    invitation = _open_for_change(invitation_id, by_role)
    invitation_revoke(invitation=invitation, actor=actor)
    return invitation


def _open_for_change(invitation_id: str, by_role: str | None) -> Invitation:
    """Of an invitation that was accepted or withdrawn nothing is left to change."""
    lock_members(current_organization_id())
    invitation = Invitation.objects.filter(pk=invitation_id, accepted_at=None, revoked_at=None).first()
    if invitation is None:
        raise NotFound
    if invitation.role == Role.OWNER and by_role not in (None, Role.OWNER):
        raise PermissionDenied
    return invitation


# -- the link ---------------------------------------------------------------------------------------
def _deliver(invitation: Invitation, to: User | None) -> str | None:
    """Queue the mail; without a mail server, make the link that is shown to this person."""
    OutgoingMail.objects.filter(invitation=invitation).delete()
    if not is_mail_set():
        return invitation_link(invitation, shown=True, to=to)
    invitation.sha256, invitation.sent_at, invitation.link_shown = None, None, False
    invitation.save(update_fields=["sha256", "sent_at", "link_shown"])
    OutgoingMail.objects.create(
        kind=MailKind.INVITATION,
        email=invitation.email,
        invitation=invitation,
        language=get_language() or "",
    )
    return None


def invitation_link(invitation: Invitation, *, shown: bool, to: User | None = None) -> str:
    """A new link, which replaces the one before. It is nowhere else. `to` sees one that is shown; None: an operator."""
    secret = new_secret()
    invitation.sha256, invitation.link_shown = digest_of(secret), shown
    invitation.sent_at = timezone.now() if shown else None
    invitation.save(update_fields=["sha256", "link_shown", "sent_at"])
    if shown:
        invitation_link_shown(invitation, to)
    return invitation_address(secret)


def invitation_of(sha256: str) -> Invitation:
    """The invitation that may be accepted with the link of this hash. Raises LinkNotValid."""
    with every_organization("the link determines the organization"):
        rows = Invitation.objects.select_related("organization", "invited_by")
        invitation = rows.filter(sha256=sha256).first()
        if invitation is None or not is_open(invitation):
            raise LinkNotValid
    return invitation


def is_open(invitation: Invitation) -> bool:
    is_over = invitation.accepted_at or invitation.revoked_at or invitation.is_expired
    return not is_over and invitation.organization.is_active and _may_invite(invitation)


def _may_invite(invitation: Invitation) -> bool:
    """Whether the inviter could invite in this role now: who has left must not come back by an old invitation."""
    inviter = invitation.invited_by
    if inviter is None:
        return True
    membership = Membership.objects.filter(
        user=inviter, user__is_active=True, organization_id=invitation.organization_id
    ).first()
    if membership is None or Permission.MEMBERS_MANAGE not in ROLE_PERMISSIONS[membership.role]:
        return False
    return invitation.role != Role.OWNER or membership.role == Role.OWNER


# -- accepting ----------------------------------------------------------------------------------------
@transaction.atomic
def invitation_accept(*, sha256: str, user: User) -> Membership:
    """The signed-in person joins. Raises LinkNotValid, WrongAccount."""
    invitation = _taken(sha256)
    if invitation.email != user.email:
        raise WrongAccount
    return _join(invitation, user)


@transaction.atomic
def invited_account_make(*, sha256: str, name: str, password: str) -> None:
    """Make the account that the invitation may be accepted with. Raises LinkNotValid.

    Where somebody has an account of this address, nothing changes, and neither the answer nor its time shows it: the
    same rows are read and one is recorded for operators. Whoever holds only the link is not told.
    An account that is not confirmed belongs to nobody yet, even if somebody has signed in to it: whoever holds the next
    link sets its password anew, and its sessions end with the password before.
    """
    invitation = invitation_of(sha256)
    user = User(email=invitation.email, name=name)
    user.set_password(password)
    made, _is_new = User.objects.get_or_create(
        email=invitation.email,
        defaults={"name": user.name, "password": user.password, "is_confirmed": False},
    )
    not_confirmed = User.objects.filter(pk=made.pk, is_confirmed=False)
    if not_confirmed.update(name=user.name, password=user.password):
        invitation_link_used(invitation, made, sets_password=True)
    audit_record(
        organization_id=None,
        actor=SYSTEM,
        action="user.requested_by_invitation",
        target_type="user",
        target_id=made.id,
    )


def _taken(sha256: str) -> Invitation:
    """The invitation, locked: of two who accept it at the same moment the second finds it used."""
    found = invitation_of(sha256)
    lock_members(found.organization_id)
    return invitation_of(sha256)


def _join(invitation: Invitation, user: User) -> Membership:
    with organization_scope(invitation.organization_id):
        membership, _is_new = Membership.objects.get_or_create(
            user=user,
            organization_id=invitation.organization_id,
            defaults={"role": invitation.role, "reads_personal_data": _gives_personal_data(invitation)},
        )
        invitation.accepted_at, invitation.accepted_by = timezone.now(), user
        invitation.save(update_fields=["accepted_at", "accepted_by"])
        User.objects.filter(pk=user.pk).update(is_confirmed=True)
        invitation_link_used(invitation, user, sets_password=False)
        OutgoingMail.objects.filter(invitation=invitation).delete()
        actor = Actor("user", user.id, user.name or user.email)
        _record(invitation, actor, "invitation.accepted", user=user.id, role=invitation.role)
    return membership


def _gives_personal_data(invitation: Invitation) -> bool:
    """Whoever lost the right does not give it to whom they invite."""
    inviter = Membership.objects.filter(user=invitation.invited_by).first()
    return inviter is None or inviter.reads_personal_data


def _record(invitation: Invitation, actor: Actor, action: str, **data: str) -> None:
    audit_record(
        organization_id=invitation.organization_id,
        actor=actor,
        action=action,
        target_type="invitation",
        target_id=invitation.id,
        data=data,
    )
