"""Whether the process lives, whether it can work, and the page and banner that say so to people."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache

from health.components import Component, Report
from health.processes import processes
from health.watch import watch
from health.words import banner_digest, outages_of, shown_components

NO_CONTENT = 204


@never_cache
def alive(request: HttpRequest) -> JsonResponse:
    """The process answers; says nothing about anything else, whose outage restarts no web."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """What works; 503 where this process cannot do its work."""
    report = watch().report()
    return JsonResponse(_ready_body(report), status=200 if report.is_ready else 503)


def _ready_body(report: Report) -> dict[str, Any]:
    components = {component.name.value: _component_body(component) for component in report.components}
    return {"status": report.status if report.is_ready else "unavailable", "components": components}


def _component_body(component: Component) -> dict[str, Any]:
    since = component.since.isoformat(timespec="seconds") if component.since else None
    body: dict[str, Any] = {"status": component.status.value, "since": since, **component.facts}
    return {**body, "code": component.code} if component.code else body


def index(request: HttpRequest) -> HttpResponse:
    report = watch().report()
    facts = {"components": shown_components(report), "processes": processes()}
    return render(request, "health/index.html", facts)


@never_cache
def components(request: HttpRequest) -> HttpResponse:
    """The table alone. Drawn without the request: it must appear while the database is away."""
    facts = {"components": shown_components(watch().report())}
    return HttpResponse(render_to_string("health/_components.html", facts))


@never_cache
def banner(request: HttpRequest) -> HttpResponse:
    """What does not work at the moment; nothing new where the page shows it already (`seen`)."""
    outages = outages_of(watch().report())
    if request.GET.get("seen") == banner_digest(outages):
        return HttpResponse(status=NO_CONTENT)
    return HttpResponse(render_to_string("health/_outages.html", {"outages": outages}))
