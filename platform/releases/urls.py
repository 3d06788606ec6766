"""Addresses of the release pages."""

from __future__ import annotations

from django.urls import path

from releases import views

app_name = "releases"
urlpatterns = [
    path("releases", views.index, name="index"),
    path("releases/new", views.create, name="create"),
    path("releases/policy", views.policy, name="policy"),
    path("releases/served/<alias>", views.deployment, name="deployment"),
    path("releases/served/<alias>/rollback", views.rollback, name="rollback"),
    path("releases/served/<alias>/withdraw", views.withdraw, name="withdraw"),
    path("releases/<release_id>", views.detail, name="detail"),
    path("releases/<release_id>/approve", views.decide, {"decision": "approve"}, name="approve"),
    path("releases/<release_id>/reject", views.decide, {"decision": "reject"}, name="reject"),
    path("releases/<release_id>/publish", views.publish, name="publish"),
]
