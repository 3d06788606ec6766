"""The release pages: what a customer talks to, who approved it, where it is served."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.principal import Principal, actor_of, principal_of
from common.errors import KoshaError
from common.forms import refuse
from common.pagination import keyset_page
from evaluations.figures import figures, rules
from evaluations.services import suite_default
from registry.selectors import model_named
from releases import services
from releases.approval import approval_obstacle, decision_on
from releases.comparison import changed_parts, compare
from releases.forms import PolicyForm, PublishForm, ReleaseForm, settings_of
from releases.labels import PRODUCTION, alias_label
from releases.models import Deployment, Release, ReleaseState
from releases.participants import Participation
from releases.policy import policy_current, policy_name, policy_set
from releases.selectors import (
    deployment_get,
    deployment_history,
    deployment_list,
    deployments_in_service,
    may_test,
    previous_release,
    release_get,
    release_list,
    served_release,
)

PUBLISHABLE_SHOWN = 10
DECISIONS = {"approve": services.release_approve, "reject": services.release_reject}


def index(request: HttpRequest) -> HttpResponse:
    page = keyset_page(release_list(), after=request.GET.get("after"))
    deployments = list(deployment_list(principal_of(request)).order_by("alias"))
    served: dict[str, list[str]] = {}
    for deployment in (each for each in deployments if each.is_in_service):
        served.setdefault(deployment.release_id, []).append(deployment.alias)
    rows = [(release, served.get(release.id, [])) for release in page.items]
    return render(
        request,
        "releases/index.html",
        {
            "page": page,
            "rows": rows,
            "deployments": deployments,
            "policy_name": policy_name(policy_current()),
        },
    )


def policy(request: HttpRequest) -> HttpResponse:
    """Choose the gate that releases must pass."""
    current = policy_current()
    posted = request.method == "POST"
    form = PolicyForm(request.POST if posted else None, initial={"suite": current and current.suite})
    if posted and form.is_valid():
        suite = form.cleaned_data["suite"]
        # The default is in force without a policy that names it.
        if suite or current:
            policy_set(suite=suite or suite_default(), actor=actor_of(request))
        messages.success(request, _("The release policy was changed."))
        return redirect("releases:index")
    return render(request, "releases/policy.html", {"form": form, "name": policy_name(current)})


def create(request: HttpRequest) -> HttpResponse:
    preselected: dict[str, Any] = {n: request.GET[n] for n in ("model", "knowledge") if n in request.GET}
    if "like" in request.GET:
        preselected = settings_of(release_get(request.GET["like"]))
    form = ReleaseForm(request.POST) if request.method == "POST" else ReleaseForm(initial=preselected)
    if request.method == "POST" and form.is_valid():
        try:
            release = _create(request, form)
        except KoshaError as error:
            refuse(form, error, {"vector_store": "knowledge"})
        else:
            messages.success(request, _("The release was created. It waits for approval by a second person."))
            return redirect(release)
    return render(request, "releases/create.html", {"form": form})


def _create(request: HttpRequest, form: ReleaseForm) -> Release:
    given = form.cleaned_data
    base_model, version = model_named(given["model"], param="model")
    knowledge = given["knowledge"]
    return services.release_create(
        base_model=base_model,
        model_version=version,
        index_build=knowledge.current_build if knowledge else None,
        system_prompt=given["system_prompt"],
        generation=form.generation(),
        note=given["note"],
        actor=actor_of(request),
    )


def detail(request: HttpRequest, release_id: str) -> HttpResponse:
    release = release_get(release_id)
    evaluation, decision = release.evaluation, decision_on(release)
    deployments = list(deployments_in_service(principal_of(request)).order_by("alias"))
    return render(
        request,
        "releases/detail.html",
        {
            "release": release,
            "approval": getattr(release, "approval", None),
            "asked_as": _asked_as(release, deployments, principal_of(request)),
            "is_candidate": release.state == ReleaseState.CANDIDATE,
            "is_approved": release.state == ReleaseState.APPROVED,
            "refusal": decision.refusal(principal_of(request)),
            "obstacle": approval_obstacle(decision),
            "taken_part": _by_person(decision.taken_part),
            "deciders": decision.deciders(),
            "deployments": [each for each in deployments if each.release_id == release.id],
            "publish_form": PublishForm(),
            **_beside_served(request, release, deployments),
            "evaluation": evaluation,
            "figures": figures(evaluation) if evaluation else [],
            "rules": rules(evaluation) if evaluation else [],
        },
    )


def _asked_as(release: Release, deployments: list[Deployment], principal: Principal) -> str:
    """The name under which the principal may ask the release in chat; empty: they may not."""
    serving = next((each.alias for each in deployments if each.release_id == release.id), "")
    is_open = release.state != ReleaseState.REJECTED
    return serving or (release.id if is_open and may_test(principal) else "")


def _beside_served(request: HttpRequest, release: Release, deployments: list[Deployment]) -> dict[str, Any]:
    """The release beside what `?against=` or, without it, `production` or the first alias serves."""
    others = {each.alias: each for each in deployments if each.release_id != release.id}
    wanted = [request.GET.get("against", ""), PRODUCTION, *others]
    alias = next((name for name in wanted if name in others), None)
    if alias is None:
        return {"parts": []}
    served = release_get(others[alias].release_id)
    return {
        "parts": compare(release, served),
        "served": served,
        "served_alias": alias,
        "served_aliases": list(others),
    }


def _by_person(taken_part: list[Participation]) -> list[tuple[str, list[Participation]]]:
    """The participations of each person or key together, with the label."""
    grouped: dict[tuple[str | None, str], list[Participation]] = {}
    for each in taken_part:
        grouped.setdefault((each.person_id, each.label), []).append(each)
    return [(label, deeds) for (_person, label), deeds in grouped.items()]


@require_POST
def decide(request: HttpRequest, release_id: str, decision: str) -> HttpResponse:
    release = release_get(release_id)
    try:
        DECISIONS[decision](
            release_id=release.id,
            comment=request.POST.get("comment", "").strip()[:2000],
            principal=principal_of(request),
        )
    except KoshaError as error:
        messages.warning(request, str(error.message))
    else:
        done = _("%(release)s was approved.") if decision == "approve" else _("%(release)s was rejected.")
        messages.success(request, done % {"release": release})
    return redirect(release)


def publish(request: HttpRequest, release_id: str) -> HttpResponse:
    """GET asks and says what changes; POST publishes, if what was shown is still served."""
    release = release_get(release_id)
    form = PublishForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        messages.warning(request, " ".join(map(str, form.errors["alias"])))
        return redirect(release)
    alias = form.cleaned_data["alias"]
    if request.method != "POST":
        return _ask_to_publish(request, release, alias)
    try:
        services.release_publish(
            release_id=release.id, alias=alias, actor=actor_of(request), replaces=request.POST.get("replaces")
        )
    except KoshaError as error:
        messages.warning(request, str(error.message))
        return redirect(release)
    messages.success(
        request, _("%(release)s now serves “%(alias)s”.") % {"release": release, "alias": alias_label(alias)}
    )
    return redirect("releases:deployment", alias)


def _ask_to_publish(request: HttpRequest, release: Release, alias: str) -> HttpResponse:
    served = served_release(alias, principal_of(request))
    if served == release or release.state != ReleaseState.APPROVED:
        return redirect(release)
    parts = compare(release, served) if served else []
    return render(
        request,
        "releases/publish.html",
        {
            "release": release,
            "alias": alias,
            "served": served,
            "served_alias": alias,
            "parts": parts,
            "changed": changed_parts(parts),
        },
    )


def deployment(request: HttpRequest, alias: str) -> HttpResponse:
    found = deployment_get(alias, principal_of(request))
    return render(
        request,
        "releases/deployment.html",
        {
            "deployment": found,
            "history": list(reversed(deployment_history(found))),
            "previous": previous_release(found),
            "publishable": _publishable(found),
        },
    )


def _publishable(deployment: Deployment) -> list[Release]:
    """The approved releases, the one that was served last first."""
    newest = list(release_list().filter(state=ReleaseState.APPROVED).order_by("-number")[:PUBLISHABLE_SHOWN])
    return [deployment.release, *(each for each in newest if each.pk != deployment.release_id)]


@require_POST
def rollback(request: HttpRequest, alias: str) -> HttpResponse:
    deployment_get(alias, principal_of(request))
    try:
        changed = services.deployment_rollback(alias=alias, actor=actor_of(request))
    except KoshaError as error:
        messages.warning(request, str(error.message))
    else:
        messages.success(
            request,
            _("“%(alias)s” serves %(release)s again.")
            % {"alias": alias_label(alias), "release": changed.release},
        )
    return redirect("releases:deployment", alias)


@require_POST
def withdraw(request: HttpRequest, alias: str) -> HttpResponse:
    deployment_get(alias, principal_of(request))
    services.deployment_withdraw(alias=alias, actor=actor_of(request))
    messages.success(
        request, _("“%(alias)s” is out of service and answers nothing.") % {"alias": alias_label(alias)}
    )
    return redirect("releases:deployment", alias)
