"""Accounts that may belong to one person, because the link of one was shown to the other.

Where no mail server is set, the link with which an invited person sets a first password is shown to the inviter. For
`INVITER_DAYS` days the two accounts may be one person, and so may two accounts whose links the same person saw. It makes
no difference whether an account between them is still a member.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from accounts.models import Invitation

INVITER_DAYS = 30


class ShownLink(NamedTuple):
    inviter_id: str
    invited_id: str
    until: datetime
    """When it does not count any more."""


def shown_links() -> list[ShownLink]:
    """The accepted links of the organization that their inviters saw and that count now."""
    since = timezone.now() - timedelta(days=INVITER_DAYS)
    accepted = Invitation.objects.filter(link_shown=True, accepted_at__gt=since)
    rows = accepted.exclude(invited_by=None).values_list("invited_by_id", "accepted_by_id", "accepted_at")
    return [ShownLink(inviter, invited, at + timedelta(days=INVITER_DAYS)) for inviter, invited, at in rows]


def perhaps_same_person(user_id: str, links: list[ShownLink]) -> dict[str, datetime]:
    """The other accounts that may belong to the person of this one, and until when."""
    now = timezone.now()
    last = max((link.until for link in links), default=now)
    found = {user_id: last}
    is_growing = True
    while is_growing:
        is_growing = False
        for link in links:
            for one, other in ((link.inviter_id, link.invited_id), (link.invited_id, link.inviter_id)):
                until = min(found.get(one, now), link.until)
                if until > found.get(other, now):
                    found[other] = until
                    is_growing = True
    del found[user_id]
    return found
