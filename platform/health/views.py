"""Liveness, readiness, and the page and banner that show the state of the parts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache

from health.shown import banner_digest, outages_of, rows_of, supervised_processes
from health.watch import watch

NO_CONTENT = 204


@never_cache
def alive(request: HttpRequest) -> JsonResponse:
    """This process answers. Nothing else is asked, so that no outage of another part restarts webs."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """The state of every part; 503 where this process cannot do its work."""
    report = watch().report()
    components: dict[str, dict[str, Any]] = {}
    for component in report.components:
        since = component.since.isoformat(timespec="seconds") if component.since else None
        body = {"status": component.status.value, "since": since, **component.facts}
        components[component.name.value] = {**body, "code": component.code} if component.code else body
    status = report.status if report.is_ready else "unavailable"
    return JsonResponse({"status": status, "components": components}, status=200 if report.is_ready else 503)


def index(request: HttpRequest) -> HttpResponse:
    facts = {"components": rows_of(watch().report()), "processes": supervised_processes()}
    return render(request, "health/index.html", facts)


@never_cache
def components(request: HttpRequest) -> HttpResponse:
    """The table alone. Rendered without the request: it must work while the database does not."""
    facts = {"components": rows_of(watch().report())}
    return HttpResponse(render_to_string("health/_components.html", facts))


@never_cache
def banner(request: HttpRequest) -> HttpResponse:
    """What does not work at the moment; no content where the page shows it already (`seen`)."""
    outages = outages_of(watch().report())
    if request.GET.get("seen") == banner_digest(outages):
        return HttpResponse(status=NO_CONTENT)
    return HttpResponse(render_to_string("health/_outages.html", {"outages": outages}))
