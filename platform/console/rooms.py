"""The rooms of the console, in the order of the work: what the navigation shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from common.permissions import Permission


@dataclass(frozen=True)
class Room:
    url_name: str
    label: str | Promise
    icon: str
    permission: Permission | None = None
    """Who may enter; None: everybody who is signed in."""
    breaks: bool = False
    """A line is drawn above this one."""

    @property
    def namespace(self) -> str:
        return self.url_name.partition(":")[0]


ROOMS = (
    Room("home", _("Home"), "house"),
    Room("documents:index", _("Documents"), "file-text", Permission.DOCUMENTS_READ, breaks=True),
    Room("datasets:index", _("Datasets"), "layers", Permission.DATASETS_READ),
    Room("training:index", _("Training"), "activity", Permission.TRAINING_READ),
    Room("evaluations:index", _("Evaluation"), "scale", Permission.EVALUATIONS_READ),
    Room("releases:index", _("Releases"), "package", Permission.RELEASES_READ),
    Room("knowledge:index", _("Knowledge"), "book-open", Permission.KNOWLEDGE_READ, breaks=True),
    Room("chat:index", _("Chat"), "messages-square", Permission.CHAT_USE),
    Room("schedules:index", _("Schedules"), "calendar-clock", Permission.SCHEDULES_READ, breaks=True),
    Room("jobs:index", _("Jobs"), "list-checks", Permission.JOBS_READ),
    Room("health:index", _("Health"), "shield-check", Permission.HEALTH_READ, breaks=True),
    Room("settings:index", _("Settings"), "settings", Permission.SETTINGS_READ),
)


def rooms_for(principal: Principal, namespace: str) -> list[dict[str, Any]]:
    """The doors this person may open; `namespace` (of the page's route) tells which one is open.

    A room whose app is not routed in this installation has no door.
    """
    doors: list[dict[str, Any]] = []
    for room in ROOMS:
        if room.permission is not None and not principal.may(room.permission):
            continue
        try:
            url = reverse(room.url_name)
        except NoReverseMatch:
            continue
        doors.append({"room": room, "url": url, "current": namespace == room.namespace})
    return doors
