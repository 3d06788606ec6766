"""Addresses of the room Jobs."""

from __future__ import annotations

from django.urls import path

from jobs import stream, views

app_name = "jobs"
urlpatterns = [
    path("", views.index, name="index"),
    path("/<job_id>", views.detail, name="detail"),
    path("/<job_id>/stream", stream.job_stream, name="stream"),
    path("/<job_id>/cancel", views.cancel, name="cancel"),
    path("/<job_id>/pause", views.pause, name="pause"),
    path("/<job_id>/resume", views.resume, name="resume"),
]
