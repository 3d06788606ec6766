"""Send the mails that wait. Beat starts it every few seconds; several may run at the same time.

A mail is tried until the mail server has taken it, so a server that is away delays it and loses none. A worker that is
killed between the server's answer and the end of the mail's row sends it once more, with a new link.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.invitations import invitation_link, is_open
from accounts.models import Invitation, MailKind, OutgoingMail, PasswordLink, User
from accounts.passwords import password_link
from accounts.services import lock_members
from accounts.shown_links import showings_sweep
from common.mail import MailNotSent, is_mail_set, mail_send
from common.tenancy import every_organization

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
SECONDS_PER_RUN = 30.0
GIVEN_UP_AFTER = timedelta(days=7)
CLOSED_KEPT = timedelta(days=30)
"""Invitations that were accepted, withdrawn or have expired contain an address; after this only the audit trail stays."""


@dataclass(frozen=True)
class Letter:
    subject: str
    text: str


def mails_send() -> None:
    """The rest waits for the next run where the mail server itself does not work."""
    if not is_mail_set():
        return
    deadline = time.monotonic() + SECONDS_PER_RUN
    with every_organization("the mails of all organizations wait in one queue"):
        while time.monotonic() < deadline and (mail := _claim()) is not None:
            try:
                _send(mail)
            except MailNotSent as error:
                _keep(mail, error)
                if error.concerns_every_mail:
                    return


@transaction.atomic
def _claim() -> OutgoingMail | None:
    """The next mail that is due. It is due again later, in case that this worker does not reach its end."""
    due = OutgoingMail.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        due_at__lte=timezone.now()
    )
    mail = due.order_by("due_at").first()
    if mail is not None:
        mail.due_at = timezone.now() + min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(mail.attempts, 10))
        mail.attempts += 1
        mail.save(update_fields=["due_at", "attempts"])
    return mail


def _send(mail: OutgoingMail) -> None:
    """Raises MailNotSent."""
    with translation.override(mail.language or settings.LANGUAGE_CODE):
        letter = _letter(mail)
    if letter is not None:
        mail_send(to=mail.email, subject=letter.subject, text=letter.text)
    with transaction.atomic():
        if letter is not None and mail.invitation_id:
            Invitation.objects.filter(pk=mail.invitation_id).update(sent_at=timezone.now())
        OutgoingMail.objects.filter(pk=mail.pk).delete()


def _keep(mail: OutgoingMail, error: MailNotSent) -> None:
    """Without a mail that meanwhile was replaced or withdrawn."""
    facts = {"failure": error.code} | ({"due_at": None} if error.is_final else {})
    OutgoingMail.objects.filter(pk=mail.pk).update(**facts)


def _letter(mail: OutgoingMail) -> Letter | None:
    """With a new link; None where nobody may get one any more."""
    if mail.created_at < timezone.now() - GIVEN_UP_AFTER:
        return None
    if mail.kind == MailKind.INVITATION:
        return _invitation_letter(mail)
    user = User.objects.filter(email=mail.email, is_active=True).first()
    if user is None:
        return None
    link = password_link(user=user, mailed=True)
    return Letter(
        _("Set your password for Kosha"),
        _(
            "With this link you set your password for Kosha:\n\n%(link)s\n\n"
            "The link works once and for one day. If you did not ask for it, you need not do anything: your password stays as it is."
        )
        % {"link": link},
    )


@transaction.atomic
def _invitation_letter(mail: OutgoingMail) -> Letter | None:
    found = Invitation.objects.filter(pk=mail.invitation_id).first()
    if found is None:
        return None
    lock_members(found.organization_id)
    invitation = Invitation.objects.select_related("organization", "invited_by").get(pk=found.pk)
    is_current = OutgoingMail.objects.filter(pk=mail.pk).exists()
    if not is_current or not is_open(invitation):
        return None
    link = invitation_link(invitation, shown=False)
    facts = {
        "organization": invitation.organization.name,
        "inviter": invitation.invited_by or "Kosha",
        "link": link,
    }
    return Letter(
        _("Invitation to %(organization)s on Kosha") % facts,
        _(
            "%(inviter)s invites you to the organization %(organization)s on Kosha. Accept with this link:\n\n"
            "%(link)s\n\n"
            "The link works once and for seven days. If you do not know the sender, you need not do anything."
        )
        % facts,
    )


def accounts_sweep() -> None:
    """Delete what has expired."""
    now = timezone.now()
    PasswordLink.objects.filter(expires_at__lte=now).delete()
    OutgoingMail.objects.filter(created_at__lt=now - GIVEN_UP_AFTER).delete()
    showings_sweep()
    with every_organization("invitations of all organizations expire"):
        Invitation.objects.filter(expires_at__lt=now - CLOSED_KEPT).delete()
