"""Read-only pages of what the operator set up for the organization: base models and clusters."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common.pagination import keyset_page
from jobs.selectors import cluster_list
from registry.selectors import base_model_list


def base_models(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "settings/models.html",
        {"page": keyset_page(base_model_list(), after=request.GET.get("after"), order="asc")},
    )


def clusters(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "settings/clusters.html",
        {"page": keyset_page(cluster_list(), after=request.GET.get("after"), order="asc")},
    )
