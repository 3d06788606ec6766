"""Addresses of the dataset pages."""

from __future__ import annotations

from django.urls import path

from curation import comparison_views, views

app_name = "datasets"
urlpatterns = [
    path("datasets", views.index, name="index"),
    path("datasets/new", views.new, name="new"),
    path("datasets/<dataset_id>", views.detail, name="detail"),
    path("datasets/<dataset_id>/build", views.build, name="build"),
    path("datasets/<dataset_id>/versions/<version_id>", views.version, name="version"),
    path("datasets/<dataset_id>/versions/<version_id>/documents", views.documents, name="documents"),
    path(
        "datasets/<dataset_id>/versions/<version_id>/changed", views.lines, {"tab": "changed"}, name="changed"
    ),
    path("datasets/<dataset_id>/versions/<version_id>/duplicates", views.duplicates, name="duplicates"),
    path("datasets/<dataset_id>/versions/<version_id>/compare", comparison_views.compare, name="compare"),
    path(
        "datasets/<dataset_id>/versions/<version_id>/records", views.lines, {"tab": "records"}, name="records"
    ),
    path(
        "datasets/<dataset_id>/versions/<version_id>/dropped", views.lines, {"tab": "dropped"}, name="dropped"
    ),
]
