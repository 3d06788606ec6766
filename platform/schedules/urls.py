"""Addresses of the schedule pages."""

from __future__ import annotations

from django.urls import path

from schedules import views

app_name = "schedules"
urlpatterns = [
    path("schedules", views.index, name="index"),
    path("schedules/new", views.create, name="create"),
    path("schedules/<schedule_id>", views.detail, name="detail"),
    path("schedules/<schedule_id>/edit", views.edit, name="edit"),
    path("schedules/<schedule_id>/fire", views.fire, name="fire"),
    path("schedules/<schedule_id>/pause", views.switch, {"active": False}, name="pause"),
    path("schedules/<schedule_id>/resume", views.switch, {"active": True}, name="resume"),
    path("schedules/<schedule_id>/runs/<run_id>/stop", views.stop, name="stop"),
    path("schedules/<schedule_id>/delete", views.delete, name="delete"),
]
