"""Accounts whose invitation link their inviter saw, and so could have used.

Where no mail server is set, the link with which a person sets a first password is shown to the inviter. For
`INVITER_DAYS` days the account may be the inviter under another name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Membership

INVITER_DAYS = 30


def inviters_who_saw_link(user_id: str, memberships: Iterable[Membership]) -> dict[str, datetime]:
    """The people who may be this account, and until when; an inviter may have been invited in the same way.

    `memberships` are all of the organization.
    """
    shown = {each.user_id: each for each in memberships if each.link_shown and each.invited_by_id}
    found: dict[str, datetime] = {}
    while (membership := shown.get(user_id)) is not None:
        until = min([membership.joined_at + timedelta(days=INVITER_DAYS), *found.values()])
        user_id = str(membership.invited_by_id)
        if until <= timezone.now() or user_id in found:
            break
        found[user_id] = until
    return found
