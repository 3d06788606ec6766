"""Addresses of the pages of sources."""

from __future__ import annotations

from django.urls import path

from sources import views

app_name = "sources"
urlpatterns = [
    path("sources", views.index, name="index"),
    path("sources/new", views.create, name="create"),
    path("sources/<source_id>", views.detail, name="detail"),
    path("sources/<source_id>/edit", views.edit, name="edit"),
    path("sources/<source_id>/sync", views.sync, name="sync"),
    path("sources/<source_id>/delete", views.delete, name="delete"),
]
