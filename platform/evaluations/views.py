"""The evaluation pages: measurements of a version beside its base model, and the gate's verdict."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.principal import actor_of, principal_of
from audit.services import Actor
from common.errors import KoshaError
from common.forms import refuse
from common.pagination import keyset_page
from curation.showing import require_texts_shown
from evaluations.figures import figures, rules
from evaluations.forms import EvaluationForm
from evaluations.items import KINDS, items
from evaluations.models import Evaluation
from evaluations.selectors import evaluation_get, evaluation_list
from evaluations.services import evaluation_create, suite_default
from jobs.selectors import public_state
from registry.selectors import model_named


def index(request: HttpRequest) -> HttpResponse:
    page = keyset_page(
        evaluation_list().select_related("dataset_version__dataset"), after=request.GET.get("after")
    )
    is_live = any(evaluation.job.finalized_at is None for evaluation in page.items)
    return render(request, "evaluations/index.html", {"page": page, "is_live": is_live})


def create(request: HttpRequest) -> HttpResponse:
    initial = {
        name: request.GET[name] for name in ("model", "dataset_version", "suite") if name in request.GET
    }
    form = EvaluationForm(request.POST) if request.method == "POST" else EvaluationForm(initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            evaluation = _start(form, actor_of(request))
        except KoshaError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The evaluation was queued."))
            return redirect(evaluation)
    return render(request, "evaluations/create.html", {"form": form})


@transaction.atomic
def _start(form: EvaluationForm, actor: Actor) -> Evaluation:
    base_model, version = model_named(form.cleaned_data["model"], param="model")
    return evaluation_create(
        suite=form.cleaned_data.get("suite") or suite_default(),
        dataset_version=form.cleaned_data["dataset_version"],
        base_model=base_model,
        model_version=version,
        placement=form.placement(),
        actor=actor,
    )


def detail(request: HttpRequest, evaluation_id: str) -> HttpResponse:
    evaluation = evaluation_get(evaluation_id)
    drawn = figures(evaluation)
    return render(
        request,
        "evaluations/detail.html",
        {
            "evaluation": evaluation,
            "job": evaluation.job,
            "state": public_state(evaluation.job),
            "is_moving": evaluation.is_building,
            "figures": drawn,
            "rules": rules(evaluation),
            "has_items": bool(drawn),
        },
    )


def browse(request: HttpRequest, evaluation_id: str) -> HttpResponse:
    """The questions and texts from which the figures are computed."""
    evaluation = evaluation_get(evaluation_id)
    require_texts_shown(evaluation.dataset_version, principal_of(request))
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else KINDS[0]
    only_changed = request.GET.get("changed") == "1"
    text = request.GET.get("start", "")
    start = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    return render(
        request,
        "evaluations/items.html",
        {
            "evaluation": evaluation,
            "kind": kind,
            "only_changed": only_changed,
            "start": start,
            "shown": items(evaluation, kind=kind, only_changed=only_changed, start=start),
        },
    )
