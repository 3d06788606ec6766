"""The schedule pages: when to retrain, and what each run made."""

from __future__ import annotations

from django.contrib import messages
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.principal import actor_of
from common.errors import KoshaError
from common.forms import refuse
from common.pagination import keyset_page
from curation.selectors import dataset_list
from evaluations.services import suite_default
from pipelines.selectors import shown_state_of, stages_of_runs
from schedules import services
from schedules.forms import ScheduleForm, TimingForm
from schedules.selectors import (
    newest_runs,
    run_is_unfinished,
    schedule_get,
    schedule_list,
    scheduled_run_get,
    scheduled_run_list,
)


def index(request: HttpRequest) -> HttpResponse:
    page = keyset_page(schedule_list(), after=request.GET.get("after"))
    newest = newest_runs(page.items)
    stages = stages_of_runs(run.pipeline_run for run in newest.values())
    shown = {id: shown_state_of(run.pipeline_run, stages) for id, run in newest.items()}
    rows = [(schedule, newest.get(schedule.id), shown.get(schedule.id)) for schedule in page.items]
    return render(request, "schedules/index.html", {"page": page, "rows": rows})


def create(request: HttpRequest) -> HttpResponse:
    form = ScheduleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            schedule = services.schedule_create(
                name=given["name"],
                timing=form.timing(),
                dataset=given["dataset"],
                base_model=given["base_model"],
                suite=given["suite"] or suite_default(),
                knowledge_base=given["knowledge"],
                alias=given["alias"],
                suffix=given["suffix"],
                incremental=given["incremental"],
                hyperparameters={},
                actor=actor_of(request),
            )
        except KoshaError as error:
            refuse(form, error, {"knowledge_base": "knowledge", "eval": "suite"})
        else:
            messages.success(request, _("The schedule was created."))
            return redirect(schedule)
    return render(request, "schedules/create.html", {"form": form, "has_dataset": dataset_list().exists()})


def detail(request: HttpRequest, schedule_id: str) -> HttpResponse:
    schedule = schedule_get(schedule_id)
    page = keyset_page(scheduled_run_list([schedule]), after=request.GET.get("after"), limit=10)
    stages = stages_of_runs(run.pipeline_run for run in page.items)
    return render(
        request,
        "schedules/detail.html",
        {
            "schedule": schedule,
            "page": page,
            "runs": [
                (run, run.pipeline_run, stages[run.pipeline_run_id], shown_state_of(run.pipeline_run, stages))
                for run in page.items
            ],
            "is_running": run_is_unfinished(schedule),
            "unfinished": next((run for run in page.items if run.pipeline_run.ended_at is None), None),
        },
    )


def edit(request: HttpRequest, schedule_id: str) -> HttpResponse:
    schedule = schedule_get(schedule_id)
    form = TimingForm(request.POST or None, initial=model_to_dict(schedule, fields=TimingForm.base_fields))
    if request.method == "POST" and form.is_valid():
        services.schedule_update(
            schedule=schedule,
            name=form.cleaned_data["name"],
            is_active=None,
            timing=form.timing().model_dump(),
            actor=actor_of(request),
        )
        messages.success(request, _("The schedule was changed."))
        return redirect(schedule)
    return render(request, "schedules/edit.html", {"schedule": schedule, "form": form})


@require_POST
def fire(request: HttpRequest, schedule_id: str) -> HttpResponse:
    schedule = schedule_get(schedule_id)
    try:
        services.schedule_fire(schedule=schedule, actor=actor_of(request))
        messages.success(request, _("A run has started."))
    except KoshaError as error:
        messages.warning(request, str(error.message))
    return redirect(schedule)


@require_POST
def stop(request: HttpRequest, schedule_id: str, run_id: str) -> HttpResponse:
    schedule = schedule_get(schedule_id)
    run = scheduled_run_get(run_id, schedule=schedule)
    try:
        services.scheduled_run_stop(run=run, actor=actor_of(request))
        messages.success(request, _("The run was stopped."))
    except KoshaError as error:
        messages.warning(request, str(error.message))
    return redirect(schedule)


@require_POST
def switch(request: HttpRequest, schedule_id: str, active: bool) -> HttpResponse:
    """Pause the schedule or resume it."""
    schedule = schedule_get(schedule_id)
    services.schedule_update(
        schedule=schedule, name=None, is_active=active, timing={}, actor=actor_of(request)
    )
    messages.success(
        request,
        _("The schedule is active.") if active else _("The schedule is paused. No run starts automatically."),
    )
    return redirect(schedule)


@require_POST
def delete(request: HttpRequest, schedule_id: str) -> HttpResponse:
    schedule = schedule_get(schedule_id)
    services.schedule_delete(schedule=schedule, actor=actor_of(request))
    messages.success(request, _("“%(name)s” was deleted.") % {"name": schedule.name})
    return redirect("schedules:index")
