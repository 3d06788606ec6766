"""Addresses of the job pages."""

from __future__ import annotations

from django.urls import path

from jobs import stream, views

app_name = "jobs"
urlpatterns = [
    path("jobs", views.index, name="index"),
    path("jobs/<job_id>", views.detail, name="detail"),
    path("jobs/<job_id>/stream", stream.job_stream, name="stream"),
    path("jobs/<job_id>/cancel", views.cancel, name="cancel"),
    path("jobs/<job_id>/pause", views.pause, name="pause"),
    path("jobs/<job_id>/resume", views.resume, name="resume"),
]
