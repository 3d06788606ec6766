"""Addresses of the settings pages."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from console.settings import installation, keys, members, trail

app_name = "settings"
urlpatterns = [
    path("settings", RedirectView.as_view(pattern_name="settings:members"), name="index"),
    path("settings/members", members.index, name="members"),
    path("settings/members/invite", members.invite, name="member_invite"),
    path("settings/invitations/<invitation_id>/resend", members.resend, name="invitation_resend"),
    path("settings/invitations/<invitation_id>/withdraw", members.withdraw, name="invitation_withdraw"),
    path("settings/members/<membership_id>/role", members.set_role, name="member_role"),
    path(
        "settings/members/<membership_id>/personal-data/give",
        members.personal_data,
        {"reads": True},
        name="personal_data_give",
    ),
    path(
        "settings/members/<membership_id>/personal-data/withdraw",
        members.personal_data,
        {"reads": False},
        name="personal_data_withdraw",
    ),
    path("settings/members/<membership_id>/remove", members.remove, name="member_remove"),
    path("settings/keys", keys.index, name="keys"),
    path("settings/keys/create", keys.create, name="key_create"),
    path("settings/keys/<key_id>/revoke", keys.revoke, name="key_revoke"),
    path("settings/models", installation.base_models, name="models"),
    path("settings/clusters", installation.clusters, name="clusters"),
    path("settings/audit", trail.index, name="audit"),
]
