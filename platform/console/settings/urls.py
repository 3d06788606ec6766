"""Addresses of the room Settings."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from console.settings import installation, keys, members, trail

app_name = "settings"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="settings:members"), name="index"),
    path("/members", members.index, name="members"),
    path("/members/add", members.add, name="member_add"),
    path("/members/<membership_id>/role", members.set_role, name="member_role"),
    path("/members/<membership_id>/remove", members.remove, name="member_remove"),
    path("/keys", keys.index, name="keys"),
    path("/keys/create", keys.create, name="key_create"),
    path("/keys/<key_id>/revoke", keys.revoke, name="key_revoke"),
    path("/models", installation.base_models, name="models"),
    path("/clusters", installation.clusters, name="clusters"),
    path("/audit", trail.index, name="audit"),
]
