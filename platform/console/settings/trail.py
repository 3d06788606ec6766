"""The audit trail: who did what to what, and whether its chain of hashes is intact."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.principal import principal_of
from audit.models import AuditEvent
from audit.selectors import chain_state
from common.pagination import keyset_page
from console.words import ACTIONS, worded


def index(request: HttpRequest) -> HttpResponse:
    query = {name: request.GET.get(name, "").strip() for name in ("action", "actor", "target")}
    rows = AuditEvent.objects.all()
    if query["action"]:
        rows = rows.filter(action=query["action"])
    if query["actor"]:
        rows = rows.filter(actor_label__icontains=query["actor"])
    if query["target"]:
        rows = rows.filter(target_id=query["target"])
    return render(
        request,
        "settings/audit.html",
        {
            "chain": chain_state(principal_of(request).organization_id or ""),
            "page": keyset_page(rows, after=request.GET.get("after")),
            "query": query,
            "actions": sorted(((code, worded(ACTIONS, code)) for code in ACTIONS), key=lambda row: row[1]),
            "is_filtered": any(query.values()),
        },
    )
