"""Addresses of the room Releases."""

from __future__ import annotations

from django.urls import path

from releases import views

app_name = "releases"
urlpatterns = [
    path("", views.index, name="index"),
    path("/new", views.create, name="create"),
    path("/served/<alias>", views.deployment, name="deployment"),
    path("/served/<alias>/rollback", views.rollback, name="rollback"),
    path("/<release_id>", views.detail, name="detail"),
    path("/<release_id>/approve", views.decide, {"decision": "approve"}, name="approve"),
    path("/<release_id>/reject", views.decide, {"decision": "reject"}, name="reject"),
    path("/<release_id>/publish", views.publish, name="publish"),
]
