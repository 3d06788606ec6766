"""Jobs in lists: what they work on, why they wait, and the button that stops them: `{% load work %}`.

{% work_rows page.items as rows %}{% for row in rows %}{{ row.job }} {{ row.subject }} {{ row.waiting }}...
{% waiting job as waiting %}  {% place_in_line waiting %}  {% stop job %}  {% stop_reading revision %}  {% again subject "small" %}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import template
from django.db.models import Model
from django.template import Context
from django.utils.translation import gettext as _

from common.permissions import Permission
from console import formats
from console.lineage import Several, subjects_of
from documents.models import Revision
from documents.reading import can_stop_reading
from jobs.models import Job
from jobs.retries import retry_text
from jobs.waiting import Line, Waiting, waiting_of

register = template.Library()
register.filter("retry_text", retry_text)


@dataclass(frozen=True)
class WorkRow:
    job: Job
    subject: Model | Several | None
    waiting: Waiting | None


@register.simple_tag
def work_rows(jobs: Iterable[Job]) -> list[WorkRow]:
    """With one query for each kind of job, and one look at the line of each cluster."""
    listed = list(jobs)
    subjects, waiting = subjects_of(listed), waiting_of(listed)
    return [WorkRow(job, subjects.get(job.id), waiting.get(job.id)) for job in listed]


@register.simple_tag(takes_context=True)
def waiting(context: Context, job: Job | None) -> Waiting | None:
    """The line of a cluster is looked at once in a template."""
    if job is None:
        return None
    lines: dict[str, Line] = context.render_context.setdefault("lines", {})  # type: ignore[arg-type, assignment]
    return waiting_of([job], lines).get(job.id)


@register.simple_tag
def place_in_line(waiting: Waiting | None) -> str:
    if waiting is None or waiting.place is None:
        return ""
    place = {"n": formats.number(waiting.place)}
    return (
        _("Number %(n)s in line for short jobs") % place
        if waiting.is_light
        else _("Number %(n)s in line") % place
    )


@register.inclusion_tag("components/again.html", takes_context=True)
def again(context: Context, subject: Model | Several | None, kind: str = "") -> dict[str, Any]:
    """Leads to the form with the settings of a training that made no model. Nothing for anything else."""
    principal = context.get("principal")
    allowed = principal is not None and principal.may(Permission.TRAINING_RUN)
    return {"url": getattr(subject, "again_url", "") if allowed else "", "kind": kind}


@register.inclusion_tag("components/stop.html", takes_context=True)
def stop(context: Context, job: Job) -> dict[str, Any]:
    """Leads to a page that asks, and back to the present page. Nothing where nothing can be stopped."""
    principal, request = context.get("principal"), context.get("request")
    allowed = principal is not None and principal.may(Permission.JOBS_CONTROL)
    return {"job": job if allowed and job.can_stop else None, "next": request.path if request else ""}


@register.inclusion_tag("components/stop_reading.html", takes_context=True)
def stop_reading(context: Context, revision: Revision) -> dict[str, Any]:
    """As `stop`, for one document, which may be read together with others."""
    principal, request = context.get("principal"), context.get("request")
    allowed = principal is not None and principal.may(Permission.JOBS_CONTROL)
    return {
        "revision": revision if allowed and can_stop_reading(revision) else None,
        "next": request.path if request else "",
    }
