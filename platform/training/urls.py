"""Addresses of the room Training, model versions included."""

from __future__ import annotations

from django.urls import path

from training import model_views, views

app_name = "training"
urlpatterns = [
    path("", views.index, name="index"),
    path("/new", views.create, name="create"),
    path("/estimate", views.estimate, name="estimate"),
    path("/models", model_views.models, name="models"),
    path("/models/<version_id>", model_views.model, name="model"),
    path("/models/<version_id>/export", model_views.export, name="export"),
    path("/<run_id>", views.detail, name="detail"),
    path("/<run_id>/points", views.points, name="points"),
    path("/<run_id>/pause", views.pause, name="pause"),
    path("/<run_id>/resume", views.resume, name="resume"),
    path("/<run_id>/cancel", views.cancel, name="cancel"),
]
