"""The pages of sources: what is synchronized, and what each sync has changed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.principal import actor_of
from common.errors import KoshaError
from common.forms import refuse
from common.pagination import keyset_page
from sources import services
from sources.forms import BucketForm, FolderForm, NewBucketForm, NewFolderForm
from sources.models import Source, SourceKind
from sources.selectors import (
    allowed_folders,
    documents_counted,
    newest_syncs,
    source_get,
    source_list,
    sync_list,
    unfinished_sync,
)


def index(request: HttpRequest) -> HttpResponse:
    page = keyset_page(source_list(), after=request.GET.get("after"))
    newest, counts = newest_syncs(page.items), documents_counted(page.items)
    rows = [(source, newest.get(source.id), counts.get(source.id, 0)) for source in page.items]
    is_syncing = any(sync and (sync.is_building or sync.shown_state == "applying") for _, sync, _ in rows)
    return render(request, "sources/index.html", {"page": page, "rows": rows, "is_syncing": is_syncing})


def create(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("kind", SourceKind.FOLDER)
    folders = _folders()
    form = (
        NewBucketForm(request.POST or None)
        if kind == SourceKind.BUCKET
        else NewFolderForm(request.POST or None, folders=folders)
    )
    if request.method == "POST" and form.is_valid():
        try:
            source = services.source_create(
                name=form.cleaned_data["name"],
                place=form.place(),
                secret=form.cleaned_data.get("secret_key", ""),
                interval_minutes=form.cleaned_data["interval_minutes"],
                actor=actor_of(request),
            )
        except KoshaError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The source was created. Its first sync has started."))
            return redirect(source)
    return render(request, "sources/create.html", {"form": form, "kind": kind, "folders": folders})


def _folders() -> list[str]:
    return sorted(allowed_folders())


def detail(request: HttpRequest, source_id: str) -> HttpResponse:
    source = source_get(source_id)
    page = keyset_page(sync_list(source), after=request.GET.get("after"), limit=10)
    running = unfinished_sync(source)
    is_folder = source.kind == SourceKind.FOLDER
    return render(
        request,
        "sources/detail.html",
        {
            "source": source,
            "page": page,
            "running": running,
            "count": documents_counted([source]).get(source.id, 0),
            "is_withdrawn": is_folder and source.place["folder"] not in _folders(),
        },
    )


def edit(request: HttpRequest, source_id: str) -> HttpResponse:
    source = source_get(source_id)
    form = _edit_form(request, source)
    if request.method == "POST" and form.is_valid():
        try:
            services.source_update(
                source=source,
                place=form.place(),
                secret=form.cleaned_data.get("secret_key"),
                interval_minutes=form.cleaned_data["interval_minutes"],
                actor=actor_of(request),
            )
        except KoshaError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The source was changed."))
            return redirect(source)
    return render(request, "sources/edit.html", {"source": source, "form": form})


def _edit_form(request: HttpRequest, source: Source) -> BucketForm | FolderForm:
    given: dict[str, Any] = {
        "initial": {
            **source.place,
            "inside": source.place.get("prefix"),
            "interval_minutes": source.interval_minutes,
        },
        "interval": source.interval_minutes,
    }
    if source.kind == SourceKind.BUCKET:
        return BucketForm(request.POST or None, **given)
    return FolderForm(request.POST or None, folders=_folders(), **given)


@require_POST
def sync(request: HttpRequest, source_id: str) -> HttpResponse:
    source = source_get(source_id)
    try:
        services.sync_start(
            source=source, actor=actor_of(request), removes_all=bool(request.POST.get("removes_all"))
        )
        messages.success(request, _("A sync has started."))
    except KoshaError as error:
        messages.warning(request, str(error.message))
    return redirect(source)


@require_POST
def delete(request: HttpRequest, source_id: str) -> HttpResponse:
    source = source_get(source_id)
    services.source_delete(
        source=source,
        takes_documents_along=request.POST.get("documents") == "delete",
        actor=actor_of(request),
    )
    messages.success(request, _("“%(name)s” was deleted.") % {"name": source.name})
    return redirect("sources:index")
