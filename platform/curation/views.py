"""The dataset pages: collections, their versions, and what a version kept and dropped and why."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.principal import actor_of, principal_of
from common.errors import InvalidRequest, KoshaError
from common.forms import refuse
from common.pagination import keyset_page
from curation import services
from curation.choice import EVERYTHING, DocumentRule, next_choice, rule_of
from curation.flow import flow, kept_and_dropped, personal_data_found
from curation.forms import BuildForm, DatasetForm
from curation.models import Dataset, DatasetVersion
from curation.offer import MOST_TICKED, Offer, offer
from curation.preview import build_preview
from curation.selectors import (
    changed_path,
    dataset_get,
    dataset_list,
    dropped_entries,
    duplicate_groups,
    entries,
    heldout_records,
    latest_versions,
    others_ready,
    recipe_get,
    records_by_id,
    records_path,
    require_ready,
    source_revisions,
    version_get,
    version_list,
)
from curation.showing import require_texts_shown, texts_shown
from documents.kinds import KINDS
from documents.selectors import documents_by_id, ready_documents
from jobs.produced import ProducedState

LINES_SHOWN = 20
CHOSEN_BY = {"heldout_share": "heldout_percent", "file_ids": "mode", "documents": "mode"}
"""The field of the build page that gives a service's parameter."""


def index(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    rows = dataset_list()
    page = keyset_page(
        rows.filter(name__icontains=search) if search else rows, after=request.GET.get("after")
    )
    latest = latest_versions(page.items)
    return render(
        request,
        "curation/index.html",
        {
            "page": page,
            "q": search,
            "rows": [(dataset, latest.get(dataset.id)) for dataset in page.items],
        },
    )


def new(request: HttpRequest) -> HttpResponse:
    form = DatasetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["recipe"]
        try:
            dataset = services.dataset_create(
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                recipe=recipe_get(chosen) if chosen else None,
                actor=actor_of(request),
            )
        except KoshaError as error:
            form.add_error(error.param if error.param in form.fields else None, str(error.message))
        else:
            return redirect("datasets:build", dataset.id)
    return render(request, "curation/new.html", {"form": form}, status=400 if form.errors else 200)


def detail(request: HttpRequest, dataset_id: str) -> HttpResponse:
    dataset = dataset_get(dataset_id)
    page = keyset_page(version_list(dataset), after=request.GET.get("after"))
    return render(
        request,
        "curation/detail.html",
        {
            "dataset": dataset,
            "page": page,
            "is_building": any(version.state == "building" for version in page.items),
        },
    )


def build(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """What a new version would be made of; POST makes it, or with `show` lists what matches the rule."""
    dataset = dataset_get(dataset_id)
    form = BuildForm(request.POST or None)
    is_valid = form.is_bound and form.is_valid()
    offered = _offer(form, dataset, request)
    if "show" in request.POST:
        # Not sent to be built: what is missing for that is no mistake yet.
        form.errors.clear()
    elif is_valid and (made := _build(form, offered, dataset, request)):
        return redirect(made)
    return render(
        request,
        "curation/build.html",
        {
            "dataset": dataset,
            "form": form,
            "offer": offered,
            "preview": build_preview(dataset, offered.chosen),
            "has_documents": ready_documents().exists(),
        },
        status=400 if form.errors else 200,
    )


def _offer(form: BuildForm, dataset: Dataset, request: HttpRequest) -> Offer:
    """Of what was sent; on a fresh page of the address, or as the newest version was made."""
    if form.is_bound:
        return offer(form.rule(), is_named=form.is_named, ticked=form.ticked())
    named = {name: request.GET[name][:500] for name in ("search", "folder", "kind") if name in request.GET}
    if named:
        named["kind"] = named.get("kind", "") if named.get("kind") in KINDS else ""
        return offer(DocumentRule.model_validate(named), is_named=False, ticked=())
    try:
        documents, rule = next_choice(dataset)
    except InvalidRequest:
        return offer(EVERYTHING, is_named=False, ticked=())
    ticked = [document.id for document in documents or ()][:MOST_TICKED]
    return offer(rule, is_named=documents is not None, ticked=ticked)


def _build(form: BuildForm, offered: Offer, dataset: Dataset, request: HttpRequest) -> DatasetVersion | None:
    """None where it was refused; the form says why."""
    if offered.is_contradictory:
        form.add_error(
            "mode",
            _(
                "Some documents are ticked, but “%(every)s” was chosen. Choose “Only the documents that are ticked”, "
                "or untick them all."
            )
            % {"every": offered.rule.label},
        )
        return None
    try:
        return services.dataset_version_create(
            dataset=dataset,
            documents=documents_by_id(form.ticked(), param="file_ids") if offered.is_named else None,
            rule=offered.rule,
            heldout_share=form.cleaned_data["heldout_percent"] / 100,
            without_evaluation=form.cleaned_data["without_evaluation"],
            placement=form.placement(),
            actor=actor_of(request),
        )
    except KoshaError as error:
        refuse(form, error, CHOSEN_BY)
        return None


def version(request: HttpRequest, dataset_id: str, version_id: str) -> HttpResponse:
    shown = version_get(version_id, dataset_id=dataset_id)
    context = {
        "tab": "overview",
        "parts": kept_and_dropped(shown),
        "steps": flow(shown),
        "personal_data": personal_data_found(shown),
        "shows_texts": texts_shown(shown, principal_of(request)),
    }
    return render(request, "curation/version.html", {**frame(shown), **context})


def documents(request: HttpRequest, dataset_id: str, version_id: str) -> HttpResponse:
    shown = version_get(version_id, dataset_id=dataset_id)
    page = keyset_page(source_revisions(shown), after=request.GET.get("after"), limit=50)
    return render(request, "curation/documents.html", {**frame(shown), "tab": "documents", "page": page})


def frame(version: DatasetVersion) -> dict[str, Any]:
    """What the pages of a version have in common."""
    rule = rule_of(version)
    return {
        "version": version,
        "dataset": version.dataset,
        "counts": version.result,
        "is_building": version.state == "building",
        "rule": rule,
        "kind_label": KINDS[rule.kind][0] if rule and rule.kind else "",
        "holds_nothing_out": version.state == ProducedState.READY and not heldout_records(version),
        "sources": version.sources.count(),
        "can_compare": version.state == ProducedState.READY and others_ready(version).exists(),
    }


def lines(request: HttpRequest, dataset_id: str, version_id: str, tab: str) -> HttpResponse:
    """What a version holds, by its `tab`: its `records`, or what was `changed` or `dropped`, of one step if one is named."""
    version = require_ready(version_get(version_id, dataset_id=dataset_id), param="version_id")
    require_texts_shown(version, principal_of(request))
    after, step, reason = (
        number_of(request, "after"),
        request.GET.get("step", ""),
        request.GET.get("reason", ""),
    )
    if tab == "dropped":
        found, has_more = dropped_entries(version, after=after, limit=LINES_SHOWN, step=step, reason=reason)
    else:
        path = records_path(version) if tab == "records" else changed_path(version)
        found, has_more = entries(path, after=after, limit=LINES_SHOWN, step=step)
    return render(
        request,
        f"curation/{tab}.html",
        {
            **frame(version),
            "tab": tab,
            "entries": found,
            "chosen_step": step,
            "chosen_reason": reason,
            "choices": [count["step"] for count in version.result["kept_and_dropped_by_step"] if count[tab]]
            if tab != "records"
            else [],
            **pager_links(request, found[-1]["line"] if has_more else None),
        },
    )


def duplicates(request: HttpRequest, dataset_id: str, version_id: str) -> HttpResponse:
    """The records that others repeat: which copy stays, why, and what was dropped for it."""
    version = require_ready(version_get(version_id, dataset_id=dataset_id), param="version_id")
    require_texts_shown(version, principal_of(request))
    groups, has_more = duplicate_groups(version, after=number_of(request, "after"), limit=LINES_SHOWN)
    kept = records_by_id(version, {group["record_id"] for group in groups})
    for group in groups:
        group["kept"] = kept.get(group["record_id"])
        group["more"] = group["repetitions"] - len(group["shown"])
    return render(
        request,
        "curation/duplicates.html",
        {
            **frame(version),
            "tab": "duplicates",
            "groups": groups,
            **pager_links(request, groups[-1]["line"] if has_more else None),
        },
    )


def number_of(request: HttpRequest, name: str) -> int:
    """0 where the address names none."""
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 12 else 0


def pager_links(request: HttpRequest, following: int | None) -> dict[str, Any]:
    """For `curation/_lines_pager.html`: what was chosen stays."""
    chosen = request.GET.copy()
    is_first = "after" not in chosen
    chosen.pop("after", None)
    first = chosen.urlencode()
    if following is not None:
        chosen["after"] = str(following)
    return {
        "is_first": is_first,
        "first_query": first,
        "next_query": chosen.urlencode() if following is not None else "",
    }
