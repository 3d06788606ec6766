"""The home page: the steps to a served model, what needs a person, what is served, what runs now."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.principal import principal_of
from console.attention import attention_needed
from console.formats import count_of
from console.newest import withdrawn_deployment
from console.onboarding import onboarding_steps
from console.steps import next_step
from jobs.selectors import job_list, running_first
from jobs.transitions import ACTIVE, JobState
from pipelines.selectors import shown_state_of, stages_of_runs
from releases.selectors import deployments_in_service
from schedules.models import ScheduledRun
from schedules.selectors import schedule_list, scheduled_run_list

JOBS_SHOWN = 8


def home(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    if principal.organization_id is None:
        return render(request, "console/no_organization.html", {"is_operator": principal.is_operator})
    steps = onboarding_steps()
    following = next_step(steps)
    unfinished = job_list().filter(state__in=[JobState.QUEUED, JobState.PAUSED, *ACTIVE])
    shown = unfinished.order_by(running_first(), "id")[:JOBS_SHOWN]
    return render(
        request,
        "console/home.html",
        {
            "steps": steps,
            "next_step": following,
            "may_do_it": following is not None and principal.may(following.permission),
            "attention": attention_needed(),
            "jobs": list(shown),
            "job_count": count_of(unfinished),
            "runs": _unfinished_runs(),
            "deployments": list(deployments_in_service(principal).order_by("alias")[:10]),
            "withdrawn": withdrawn_deployment(),
            "paused": schedule_list().filter(is_active=False).order_by("-id").first(),
            "schedule": schedule_list().filter(is_active=True).order_by("next_fire_at").first(),
        },
    )


def _unfinished_runs() -> list[tuple[ScheduledRun, str]]:
    """Each retraining in progress, with its state for people."""
    rows = scheduled_run_list(schedule_list()).filter(pipeline_run__ended_at=None)
    runs = list(rows.order_by("id")[:JOBS_SHOWN])
    stages = stages_of_runs(run.pipeline_run for run in runs)
    return [(run, shown_state_of(run.pipeline_run, stages)) for run in runs]
