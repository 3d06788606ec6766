"""The entries of the navigation, in the order of the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from common.permissions import Permission


@dataclass(frozen=True)
class Page:
    url_name: str
    label: str | Promise
    icon: str
    permission: Permission | None = None
    """What reading the page requires; None: only that one is signed in."""
    starts_group: bool = False
    """A line is drawn above this entry."""


PAGES = (
    Page("home", _("Home"), "house"),
    Page("documents:index", _("Documents"), "file-text", Permission.DOCUMENTS_READ, starts_group=True),
    Page("datasets:index", _("Datasets"), "layers", Permission.DATASETS_READ),
    Page("training:index", _("Training"), "activity", Permission.TRAINING_READ),
    Page("evaluations:index", _("Evaluation"), "scale", Permission.EVALUATIONS_READ),
    Page("releases:index", _("Releases"), "package", Permission.RELEASES_READ),
    Page("knowledge:index", _("Knowledge"), "book-open", Permission.KNOWLEDGE_READ, starts_group=True),
    Page("chat:index", _("Chat"), "messages-square", Permission.CHAT_USE),
    Page("schedules:index", _("Schedules"), "calendar-clock", Permission.SCHEDULES_READ, starts_group=True),
    Page("jobs:index", _("Jobs"), "list-checks", Permission.JOBS_READ),
    Page("health:index", _("Health"), "shield-check", Permission.HEALTH_READ, starts_group=True),
    Page("settings:index", _("Settings"), "settings", Permission.SETTINGS_READ),
)


ROOMS = {"sources": "documents"}
"""Pages without an entry of their own, and the one that they belong to."""


def navigation_for(principal: Principal, namespace: str) -> list[dict[str, Any]]:
    """The pages that this person may read; `namespace` of the current route marks the current one."""
    return [
        {
            "page": page,
            "url": reverse(page.url_name),
            "is_current": page.url_name.partition(":")[0] == ROOMS.get(namespace, namespace),
        }
        for page in PAGES
        if page.permission is None or principal.may(page.permission)
    ]
