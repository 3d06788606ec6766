"""Accounts that may belong to one person, because a link of one was shown to the other.

A one-time link that is not mailed is shown: to the member who invites or makes a new link, or to the operator who runs a
command. Whoever saw it may have used it. For `SHOWN_DAYS` days after its use the two accounts may be one person, and so may
two accounts whose links the same person saw. It makes no difference whether an account between them is still a member.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Invitation, LinkShowing, Membership, User
from common.tenancy import current_organization_id

SHOWN_DAYS = 30
UNUSED_KEPT = timedelta(days=7)
"""As long as a link is valid."""


class ShownLink(NamedTuple):
    seen_by: str
    account: str
    until: datetime
    """When it does not count any more."""


# -- writes -----------------------------------------------------------------------------------------
def invitation_link_shown(invitation: Invitation, to: User | None) -> None:
    """`to` is None for an operator."""
    LinkShowing.objects.create(invitation=invitation, shown_to=to)


def invitation_link_used(invitation: Invitation, account: User, *, sets_password: bool) -> None:
    """Everybody who saw a link of the invitation counts, also one that was replaced."""
    seen = LinkShowing.objects.filter(invitation=invitation)
    if sets_password:
        _password_set(account, seen)
    else:
        seen.update(account=account, used_at=timezone.now())


def password_link_shown(account: User) -> None:
    LinkShowing.objects.create(account=account)


def password_link_mailed(account: User) -> None:
    """It replaces a link that was shown and not used."""
    _unused(account).delete()


def password_link_used(account: User) -> None:
    _password_set(account, _unused(account))


def _unused(account: User) -> QuerySet[LinkShowing]:
    return LinkShowing.objects.filter(account=account, invitation=None, used_at=None)


def _password_set(account: User, seen: QuerySet[LinkShowing]) -> None:
    """With the password before, nobody comes into the account any more."""
    LinkShowing.objects.filter(account=account).update(sets_password=False)
    seen.update(account=account, used_at=timezone.now(), sets_password=True)


def showings_sweep() -> None:
    """Those of an invitation are deleted with it."""
    counted = timezone.now() - timedelta(days=SHOWN_DAYS)
    over = Q(used_at__lte=counted) | Q(used_at=None, created_at__lte=counted - UNUSED_KEPT)
    LinkShowing.objects.filter(over, invitation=None).delete()


# -- reads ------------------------------------------------------------------------------------------
def shown_links(took_part: Collection[str] = ()) -> list[ShownLink]:
    """Those that count now in the organization: of its invitations, and those that set the password of an account.

    A link that a command printed was seen by the accounts of operators that are members, or are among `took_part`.
    """
    length = timedelta(days=SHOWN_DAYS)
    concerns = Q(sets_password=True) | Q(invitation__organization_id=current_organization_id())
    used = LinkShowing.objects.filter(concerns, used_at__gt=timezone.now() - length)
    members = Membership.objects.values("user_id")
    known = Q(pk__in=members) | Q(pk__in=took_part)
    operators = list(User.objects.filter(known, is_operator=True).values_list("pk", flat=True))
    rows = used.values_list("shown_to_id", "account_id", "used_at")
    return [
        ShownLink(seen_by, account, at + length)
        for shown_to, account, at in rows
        if account is not None and at is not None
        for seen_by in ([shown_to] if shown_to else operators)
        if seen_by != account
    ]


def perhaps_same_person(user_id: str, links: list[ShownLink]) -> dict[str, datetime]:
    """The other accounts that may belong to the person of this one, and until when."""
    now = timezone.now()
    last = max((link.until for link in links), default=now)
    found = {user_id: last}
    is_growing = True
    while is_growing:
        is_growing = False
        for link in links:
            for one, other in ((link.seen_by, link.account), (link.account, link.seen_by)):
                until = min(found.get(one, now), link.until)
                if until > found.get(other, now):
                    found[other] = until
                    is_growing = True
    del found[user_id]
    return found
