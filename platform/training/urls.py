"""Addresses of the training pages, model versions included."""

from __future__ import annotations

from django.urls import path

from training import model_views, views

app_name = "training"
urlpatterns = [
    path("training", views.index, name="index"),
    path("training/new", views.create, name="create"),
    path("training/estimate", views.estimate, name="estimate"),
    path("training/models", model_views.models, name="models"),
    path("training/models/<version_id>", model_views.model, name="model"),
    path("training/models/<version_id>/export", model_views.export, name="export"),
    path("training/<run_id>", views.detail, name="detail"),
    path("training/<run_id>/points", views.points, name="points"),
    path("training/<run_id>/pause", views.control, {"action": "pause"}, name="pause"),
    path("training/<run_id>/resume", views.control, {"action": "resume"}, name="resume"),
    path("training/<run_id>/cancel", views.control, {"action": "cancel"}, name="cancel"),
]
