"""Addresses of the health checks and of the health page."""

from __future__ import annotations

from django.urls import path

from health import views

app_name = "health"
urlpatterns = [
    path("healthz", views.alive, name="alive"),
    path("readyz", views.ready, name="ready"),
    path("health", views.index, name="index"),
    path("health/components", views.components, name="components"),
    path("health/banner", views.banner, name="banner"),
]
