"""May this person decide on a release, and why not: four eyes are two people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Membership
from accounts.permissions import ROLE_PERMISSIONS
from accounts.principal import Principal
from accounts.shown_links import ShownLink, perhaps_same_person, shown_links
from common.errors import Conflict, KoshaError, PermissionDenied
from common.permissions import Permission
from releases.models import Release
from releases.participants import Participation, participations
from releases.policy import passed_evaluation, policy_current


class Refused(PermissionDenied):
    """A person may not decide on this release."""

    def __init__(self, code: str, message: str) -> None:
        KoshaError.__init__(self, code, message)


@dataclass(frozen=True)
class Decision:
    """Who took part in a release, and who may decide on it, as the database knows it now."""

    release: Release
    taken_part: list[Participation]
    members: list[Membership]
    links: list[ShownLink]

    def refusal(self, principal: Principal) -> KoshaError | None:
        """Why the principal may not approve or reject; None: they may.

        `person_needed`, `permission_denied`, `second_person_needed`, `perhaps_same_person`.
        """
        if principal.user is None:
            return Refused(
                "person_needed",
                _("This key belongs to no person. Use a key of a person, or sign in to decide."),
            )
        member = next((each for each in self.members if each.user_id == principal.user.id), None)
        if member is None or not principal.may(Permission.RELEASES_APPROVE):
            return PermissionDenied()
        return self._refusal_of(member)

    def _refusal_of(self, member: Membership) -> KoshaError | None:
        checks: tuple[Callable[[Membership], KoshaError | None], ...] = (
            self._has_no_right,
            self._took_part,
            self._may_be_participant,
        )
        return next((refused for check in checks if (refused := check(member))), None)

    def _has_no_right(self, member: Membership) -> KoshaError | None:
        may = Permission.RELEASES_APPROVE in ROLE_PERMISSIONS[member.role]
        return None if may and member.user.is_active else PermissionDenied()

    def _took_part(self, member: Membership) -> KoshaError | None:
        own = [each for each in self.taken_part if each.person_id == member.user_id]
        if not own:
            return None
        return Refused(
            "second_person_needed",
            _("You took part in this release (%(work)s). Another person decides on it.")
            % {"work": ", ".join(f"{each.part.label}: {each.deed.label}" for each in own)},
        )

    def _may_be_participant(self, member: Membership) -> KoshaError | None:
        linked = perhaps_same_person(member.user_id, self.links)
        for each in self.taken_part:
            if each.person_id in linked:
                until = timezone.localtime(linked[each.person_id])
                return Refused(
                    "perhaps_same_person",
                    _(
                        "This account and %(person)s, who took part in this release, may belong to one person: a "
                        "one-time link was shown instead of being mailed. Until %(date)s this "
                        "account may not decide on the release. A member whose invitation was mailed, or whom the operator made, may."
                    )
                    % {"person": each.label, "date": date_format(until, "DATETIME_FORMAT")},
                )
        return None

    def unknown(self) -> list[Participation]:
        """What was done with keys that belong to no person."""
        return [each for each in self.taken_part if each.person_id is None]

    def deciders(self) -> list[Membership]:
        """The members who may decide."""
        return [member for member in self.members if self._refusal_of(member) is None]


def decision_on(release: Release) -> Decision:
    members = Membership.objects.select_related("user").order_by("user__name", "user__email")
    taken_part = participations(release)
    people = {each.person_id for each in taken_part if each.person_id}
    return Decision(release, taken_part, list(members), shown_links(people))


def approval_obstacle(decision: Decision) -> KoshaError | None:
    """Why no person may approve the release; it may still be rejected.

    `unknown_person_took_part`, `release_policy_changed`, `not_evaluated`, `gate_failed`.
    """
    unknown = decision.unknown()
    if unknown:
        return Conflict(
            "unknown_person_took_part",
            _(
                "A part of this release was made with a key that belongs to no person (%(key)s, %(part)s), so "
                "nobody can be told apart from its maker. Make it again with a key of a person."
            )
            % {"key": unknown[0].label, "part": unknown[0].part.label},
        )
    return gate_obstacle(decision.release)


def gate_obstacle(release: Release) -> KoshaError | None:
    """Why the release does not satisfy the policy in force."""
    policy = policy_current()
    if release.policy != policy:
        return Conflict(
            "release_policy_changed",
            _("The release policy has changed since this release was made. Make a new release."),
        )
    try:
        if release.model_version is not None:
            passed_evaluation(release.model_version, policy)
    except Conflict as refused:
        return refused
    return None
