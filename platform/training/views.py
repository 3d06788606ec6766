"""The training pages: runs, starting one, and one run with its curves, log and checkpoints."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.principal import actor_of
from common.errors import KoshaError
from common.forms import refuse
from common.pagination import keyset_page
from jobs.selectors import newest_job_events, public_state
from jobs.transitions import JobState
from training import services
from training.curve import curve, newest_values
from training.forms import TrainingForm, settings_of
from training.models import TrainingRun
from training.selectors import run_get, run_list

EVENTS_SHOWN = 200


def index(request: HttpRequest) -> HttpResponse:
    page = keyset_page(run_list(), after=request.GET.get("after"))
    is_live = any(run.job.finalized_at is None for run in page.items)
    return render(request, "training/index.html", {"page": page, "is_live": is_live})


def create(request: HttpRequest) -> HttpResponse:
    # What a link from another page fills in: `?dataset_version=dsv_...`, `?model=ft:...`, `?again=ftjob-...`.
    initial = {name: request.GET[name] for name in ("model", "dataset_version") if name in request.GET}
    if "again" in request.GET:
        initial = settings_of(run_get(request.GET["again"]))
    form = TrainingForm(request.POST) if request.method == "POST" else TrainingForm(initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            run = services.training_run_create(
                model=given["model"],
                method=given["method"],
                data=given["dataset_version"],
                hyperparameters=given["hyperparameters"],
                suffix=given["suffix"],
                placement=form.placement(),
                actor=actor_of(request),
            )
        except KoshaError as error:
            refuse(form, error, {"training_file": "dataset_version"})
        else:
            messages.success(request, _("The training was queued."))
            return redirect(run)
    return render(request, "training/create.html", {"form": form})


def estimate(request: HttpRequest) -> HttpResponse:
    """The estimate for the settings in the form, requested again with each change."""
    form = TrainingForm(request.GET)
    plan = form.plan() if form.is_valid() else None
    return render(request, "training/_estimate.html", {"plan": plan})


def detail(request: HttpRequest, run_id: str) -> HttpResponse:
    run = run_get(run_id)
    events = newest_job_events(run.job, EVENTS_SHOWN)
    return render(
        request,
        "training/detail.html",
        {
            **_status(run),
            "run": run,
            "events": events,
            "last_event": events[-1].id if events else 0,
            "checkpoints": run.checkpoints.order_by("-step"),
            "newest": newest_values(run),
            "loss_series": _series(_("Loss"), "loss", "busy", 3),
            "speed_series": _series(_("Tokens per second"), "tokens_per_second", "good", 0),
        },
    )


def _series(label: str, key: str, tone: str, digits: int) -> str:
    return json.dumps([{"key": key, "label": label, "tone": tone, "digits": digits}])


def _status(run: TrainingRun) -> dict[str, Any]:
    job, state = run.job, public_state(run.job)
    return {
        "job": job,
        "state": state,
        "is_moving": run.is_building,
        "can_pause": job.state in (JobState.QUEUED, JobState.STARTING, JobState.RUNNING),
        "can_resume": job.state == JobState.PAUSED,
        "can_cancel": job.can_stop,
    }


def points(request: HttpRequest, run_id: str) -> JsonResponse:
    """The curves' points, `?after=` a step."""
    after = request.GET.get("after", "")
    step = int(after) if after.isascii() and after.isdigit() and len(after) < 12 else 0
    return JsonResponse(curve(run_get(run_id), after=step))


CONTROLLED: dict[services.Control, Any] = {
    "pause": gettext_lazy("The training saves a checkpoint of the steps done so far and stops."),
    "resume": gettext_lazy("The training continues when the cluster has capacity."),
    "cancel": gettext_lazy("The training is being stopped."),
}
"""The messages that follow the buttons of a run."""


@require_POST
def control(request: HttpRequest, run_id: str, action: services.Control) -> HttpResponse:
    """Pause, resume or cancel a run. If it has ended in the meantime, a message says so."""
    run = run_get(run_id)
    try:
        services.training_run_control(run=run, action=action, actor=actor_of(request))
        messages.success(request, CONTROLLED[action])
    except KoshaError as error:
        messages.warning(request, str(error.message))
    return redirect(run)
