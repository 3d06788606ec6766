"""Addresses of the room Datasets."""

from __future__ import annotations

from django.urls import path

from curation import views

app_name = "datasets"
urlpatterns = [
    path("", views.index, name="index"),
    path("/new", views.new, name="new"),
    path("/<dataset_id>", views.detail, name="detail"),
    path("/<dataset_id>/build", views.build, name="build"),
    path("/<dataset_id>/versions/<version_id>", views.version, name="version"),
    path("/<dataset_id>/versions/<version_id>/records", views.records, name="records"),
    path("/<dataset_id>/versions/<version_id>/dropped", views.dropped, name="dropped"),
]
