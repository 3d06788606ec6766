"""The home page: the steps to a served model, what needs a person, what is served, what runs now."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.principal import principal_of
from console.attention import attention_needed
from console.onboarding import onboarding_steps
from jobs.selectors import job_list
from jobs.transitions import ACTIVE, JobState
from releases.selectors import deployment_list
from schedules.selectors import schedule_list


def home(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    if principal.organization_id is None:
        return render(request, "console/no_organization.html", {"is_operator": principal.is_operator})
    steps = onboarding_steps()
    following = next((step for step in steps if not step.is_done), None)
    return render(
        request,
        "console/home.html",
        {
            "steps": steps,
            "next_step": following,
            "may_do_it": following is not None and principal.may(following.permission),
            "attention": attention_needed(),
            "jobs": list(job_list().filter(state__in=[JobState.QUEUED, *ACTIVE]).order_by("id")[:8]),
            "deployments": list(deployment_list(principal).order_by("alias")[:10]),
            "schedule": schedule_list().filter(is_active=True).order_by("next_fire_at").first(),
        },
    )
