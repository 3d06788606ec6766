"""Addresses of the room Health; `/healthz` and `/readyz` stand in `config/urls.py`."""

from __future__ import annotations

from django.urls import path

from health import views

app_name = "health"
urlpatterns = [
    path("", views.index, name="index"),
    path("/components", views.components, name="components"),
    path("/banner", views.banner, name="banner"),
]
