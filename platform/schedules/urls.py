"""Addresses of the room Schedules."""

from __future__ import annotations

from django.urls import path

from schedules import views

app_name = "schedules"
urlpatterns = [
    path("", views.index, name="index"),
    path("/new", views.create, name="create"),
    path("/<schedule_id>", views.detail, name="detail"),
    path("/<schedule_id>/edit", views.edit, name="edit"),
    path("/<schedule_id>/fire", views.fire, name="fire"),
    path("/<schedule_id>/pause", views.switch, {"active": False}, name="pause"),
    path("/<schedule_id>/resume", views.switch, {"active": True}, name="resume"),
    path("/<schedule_id>/delete", views.delete, name="delete"),
]
