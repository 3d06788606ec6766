"""The home page: the steps to a served model, what needs a person, what is served, what runs now."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.principal import principal_of
from console.attention import attention_needed, next_schedule, running_jobs
from console.onboarding import onboarding_steps
from releases.selectors import deployment_list


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
            "jobs": running_jobs(),
            "deployments": list(deployment_list(principal).order_by("alias")[:10]),
            "schedule": next_schedule(),
        },
    )
