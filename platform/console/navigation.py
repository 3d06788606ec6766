"""The entries of the navigation, in the order of the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
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
    """Who may read the page; None: everybody who is signed in."""
    starts_group: bool = False
    """A line is drawn above this entry."""

    @property
    def namespace(self) -> str:
        return self.url_name.partition(":")[0]


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


def navigation_for(principal: Principal, namespace: str) -> list[dict[str, Any]]:
    """The pages that this person may read; `namespace` of the current route marks the current one.

    A page whose app is not routed in this installation is left out.
    """
    entries: list[dict[str, Any]] = []
    for page in PAGES:
        if page.permission is not None and not principal.may(page.permission):
            continue
        try:
            url = reverse(page.url_name)
        except NoReverseMatch:
            continue
        entries.append({"page": page, "url": url, "is_current": namespace == page.namespace})
    return entries
