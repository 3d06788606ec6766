"""The dataset pages: collections, their versions, and what a version kept and dropped and why."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.principal import actor_of
from common.errors import KoshaError
from common.pagination import keyset_page
from curation import services
from curation.forms import BuildForm, DatasetForm
from curation.models import DatasetVersion
from curation.pictures import kept_and_dropped, step_rows
from curation.preview import build_preview
from curation.selectors import (
    dataset_get,
    dataset_list,
    dropped_path,
    entries,
    latest_versions,
    recipe_get,
    records_path,
    require_ready,
    version_get,
    version_list,
)

LINES_SHOWN = 20


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
    """What a new version would be made of; POST makes it."""
    dataset = dataset_get(dataset_id)
    form = BuildForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.dataset_version_create(
                dataset=dataset,
                documents=None,
                heldout_share=form.cleaned_data["heldout_percent"] / 100,
                placement=form.placement(),
                actor=actor_of(request),
            )
        except KoshaError as error:
            form.add_error(None, str(error.message))
        else:
            return redirect(made)
    preview = build_preview(dataset)
    return render(
        request,
        "curation/build.html",
        {"dataset": dataset, "form": form, "preview": preview},
        status=400 if form.errors else 200,
    )


def version(request: HttpRequest, dataset_id: str, version_id: str) -> HttpResponse:
    shown = version_get(version_id, dataset_id=dataset_id)
    return render(request, "curation/version.html", {**_frame(shown), "tab": "overview"})


def _frame(version: DatasetVersion) -> dict[str, Any]:
    """What the three pages of a version have in common."""
    return {
        "version": version,
        "dataset": version.dataset,
        "counts": version.result,
        "is_building": version.state == "building",
        "sources": version.sources.count(),
        "parts": kept_and_dropped(version),
        "steps": step_rows(version),
    }


def lines(request: HttpRequest, dataset_id: str, version_id: str, tab: str) -> HttpResponse:
    """What a version holds, by its `tab`: its `records`, or what was `dropped`."""
    version = require_ready(version_get(version_id, dataset_id=dataset_id), param="version_id")
    path = records_path(version) if tab == "records" else dropped_path(version)
    given = request.GET.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 12 else 0
    found, has_more = entries(path, after=after, limit=LINES_SHOWN)
    return render(
        request,
        f"curation/{tab}.html",
        {
            **_frame(version),
            "tab": tab,
            "entries": found,
            "next_line": found[-1]["line"] if has_more else None,
            "is_first": after == 0,
        },
    )
