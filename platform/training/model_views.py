"""Model versions: what training made, where it comes from, and copies of it to take elsewhere."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.principal import actor_of
from common.errors import InvalidRequest, KoshaError
from common.pagination import keyset_page
from curation.models import DatasetVersion
from registry.selectors import export_folder, export_list, model_version_get, model_version_list
from registry.services import export_create
from training.selectors import run_list

FORMATS = ("merged", "adapter")


def models(request: HttpRequest) -> HttpResponse:
    page = keyset_page(model_version_list(), after=request.GET.get("after"))
    return render(request, "training/models.html", {"page": page})


def model(request: HttpRequest, version_id: str) -> HttpResponse:
    version = model_version_get(version_id)
    exports = list(export_list(version).order_by("-id"))
    return render(
        request,
        "training/model.html",
        {
            "version": version,
            "run": run_list().filter(pk=version.training_run_id).first(),
            "dataset_version": DatasetVersion.objects.select_related("dataset")
            .filter(pk=version.dataset_version_id)
            .first(),
            "children": version.children.filter(deleted_at=None).select_related("base_model"),
            "exports": [(export, str(export_folder(export))) for export in exports],
            "is_exporting": any(export.job.finalized_at is None for export in exports),
            "can_export": version.method == "lora",
        },
    )


@require_POST
def export(request: HttpRequest, version_id: str) -> HttpResponse:
    version = model_version_get(version_id)
    format = request.POST.get("format", "")
    try:
        if format not in FORMATS:
            raise InvalidRequest("invalid_value", _("Choose one of the formats."), param="format")
        export_create(version=version, format=format, actor=actor_of(request))  # type: ignore[arg-type]
        messages.success(request, _("The export was queued."))
    except KoshaError as error:
        messages.warning(request, str(error.message))
    return redirect(version)
