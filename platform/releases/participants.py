"""Who took part in a release.

The audit trail records every change together with its actor, so it is read here: a part of a release is the target of
its events. Any event of a part counts as work on it, unless `NOT_WORK` names it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models
from django.db.models import F
from django.utils.translation import pgettext_lazy

from accounts.models import ApiKey, User
from audit.models import AuditEvent
from releases.models import Release
from releases.parts import Part, PartKind, parts_of

NOT_WORK = {
    "dataset.deleted",
    "knowledge_base.deleted",
    "model_version.deleted",
    "model_version.export_requested",
    "release.approved",
    "release.published",
    "release.rejected",
    "release.rolled_back",
    "schedule.deleted",
    "schedule.skipped",
}
"""Events that leave the contents of the part as they are."""
FIRED = "schedule.fired"
MAKING = ("created", "uploaded", "release_policy.set")
"""How the actions end with which a part begins."""


class Deed(models.TextChoices):
    MADE = "made", pgettext_lazy("deed", "made")
    CHANGED = "changed", pgettext_lazy("deed", "changed")
    SCHEDULED = "scheduled", pgettext_lazy("deed", "scheduled")
    FIRED = "fired", pgettext_lazy("deed", "started by hand")


@dataclass(frozen=True)
class Participation:
    """One person, or one key that belongs to no person, and what they did to one part."""

    person_id: str | None
    """None: a key that belongs to no person."""
    label: str
    part: PartKind
    deed: Deed


@dataclass(frozen=True)
class Event:
    """An event of the trail. Within its transaction it has no sequence yet and comes after all others."""

    target_id: str
    action: str
    kind: str
    actor_id: str
    label: str
    sequence: int | None
    id: str

    @property
    def place(self) -> tuple[bool, int, str]:
        return (self.sequence is None, self.sequence or 0, self.id)

    @property
    def deed(self) -> Deed:
        return Deed.MADE if self.action.endswith(MAKING) else Deed.CHANGED


def participations(release: Release) -> list[Participation]:
    """Without repetition, in the order of the parts; `release` is read with its relations."""
    parts = parts_of(release)
    trail = _trail({id for part in parts for id in (part.id, part.after) if id})
    found = [(part.kind, event.deed, event) for part in parts for event in _events_of(part, trail)]
    schedules = _trail({event.actor_id for _kind, _deed, event in found if event.kind == "schedule"})
    for _part, _deed, event in list(found):
        if event.kind == "schedule":
            found += _schedule_events(event, schedules.get(event.actor_id, []))
    return _people(found)


def _trail(ids: set[str]) -> dict[str, list[Event]]:
    """The events of each target, oldest first."""
    columns = ("target_id", "action", "actor_kind", "actor_id", "actor_label", "sequence", "id")
    rows = AuditEvent.objects.filter(target_id__in=ids).exclude(action__in=NOT_WORK)
    trail: dict[str, list[Event]] = {}
    for row in rows.order_by(F("sequence").asc(nulls_last=True), "id").values_list(*columns):
        event = Event(*row)
        trail.setdefault(event.target_id, []).append(event)
    return trail


def _events_of(part: Part, trail: dict[str, list[Event]]) -> Iterable[Event]:
    """What was done to the part between the beginnings of the parts that bound it."""
    first = {id: events[0].place for id, events in trail.items()}
    since, until = first.get(part.after or ""), first.get(part.before or "")
    for event in trail.get(part.id, []):
        if (since is None or since < event.place) and (until is None or event.place < until):
            yield event


def _schedule_events(made: Event, events: list[Event]) -> Iterable[tuple[PartKind, Deed, Event]]:
    """Who had set up the schedule when it made this part, and who had fired that run; runs do not overlap."""
    before = [event for event in events if event.place < made.place]
    for event in before:
        if event.action != FIRED:
            deed = Deed.SCHEDULED if event.deed is Deed.MADE else Deed.CHANGED
            yield PartKind.SCHEDULE, deed, event
    fired = [event for event in before if event.action == FIRED]
    if fired:
        yield PartKind.SCHEDULE, Deed.FIRED, fired[-1]


def _people(found: list[tuple[PartKind, Deed, Event]]) -> list[Participation]:
    """A key stands for its person; the platform and schedules stand for nobody."""
    keys = {event.actor_id for _part, _deed, event in found if event.kind == "api_key"}
    person_of = dict(ApiKey.objects.filter(pk__in=keys).values_list("id", "person_id"))
    acting = [
        (person_of.get(event.actor_id) if event.kind == "api_key" else event.actor_id, part, deed, event)
        for part, deed, event in found
        if event.kind not in ("system", "schedule")
    ]
    names = {user.id: str(user) for user in User.objects.filter(pk__in={person for person, *_ in acting})}
    people = [
        Participation(person, names.get(person or "", event.label), part, deed)
        for person, part, deed, event in acting
    ]
    return list(dict.fromkeys(people))
