"""The pages of jobs: everything that takes more than a second, how far it is, and the button that stops it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.principal import actor_of
from common.errors import KoshaError
from common.next_page import own_page
from common.pagination import keyset_page
from jobs.models import Job
from jobs.selectors import job_get, job_list, newest_job_events, public_state
from jobs.services import job_cancel, job_pause, job_resume
from jobs.transitions import TERMINAL, JobState
from jobs.types import find_job_type, job_types

EVENTS_SHOWN = 200


def index(request: HttpRequest) -> HttpResponse:
    kind, state = request.GET.get("kind", ""), request.GET.get("state", "")
    rows = job_list(
        kind=kind if find_job_type(kind) else None, state=state if state in JobState.values else None
    ).select_related("cluster")
    page = keyset_page(rows, after=request.GET.get("after"))
    return render(
        request,
        "jobs/index.html",
        {
            "page": page,
            "job_types": job_types(),
            "states": JobState.values,
            "kind": kind,
            "state": state,
            "is_filtered": bool(kind or state),
            "is_live": any(job.cleaned_at is None and job.finalized_at is None for job in page.items),
        },
    )


def detail(request: HttpRequest, job_id: str) -> HttpResponse:
    job = job_get(job_id)
    events = newest_job_events(job, EVENTS_SHOWN)
    return render(
        request,
        "jobs/detail.html",
        {**status_facts(job), "events": events, "last_event": events[-1].id if events else 0},
    )


def status_facts(job: Job) -> dict[str, Any]:
    """What the page and its stream show of a job's state."""
    state = public_state(job)
    moving = state not in TERMINAL
    job_type = find_job_type(job.kind)
    return {
        "job": job,
        "state": state,
        "is_moving": moving,
        "can_cancel": job.can_stop,
        "can_pause": job_type is not None
        and job_type.can_pause
        and job.state in (JobState.QUEUED, JobState.STARTING, JobState.RUNNING),
        "can_resume": job.state == JobState.PAUSED,
    }


def cancel(request: HttpRequest, job_id: str) -> HttpResponse:
    """GET asks first: lists update themselves, so a dialog in them would be closed."""
    if request.method != "POST":
        job = job_get(job_id)
        if not job.can_stop:
            return redirect(job)
        return render(request, "jobs/stop.html", {"job": job, "next": own_page(request, request.GET)})
    return _act(request, job_id, job_cancel, _("The job is being cancelled."))


def pause(request: HttpRequest, job_id: str) -> HttpResponse:
    return _act(
        request, job_id, job_pause, _("The job saves a checkpoint of the steps done so far and stops.")
    )


def resume(request: HttpRequest, job_id: str) -> HttpResponse:
    return _act(request, job_id, job_resume, _("The job continues when the cluster has capacity."))


def _act(request: HttpRequest, job_id: str, act: Callable[..., Job], news: str) -> HttpResponse:
    """Do it and return to the page of the button: a page of this site named by `next`, or the job's own."""
    job = job_get(job_id)
    try:
        act(job=job, actor=actor_of(request))
        messages.success(request, news)
    except KoshaError as error:
        # Most often it has ended meanwhile: a message is enough.
        messages.warning(request, str(error.message))
    return redirect(own_page(request, request.POST) or job)
