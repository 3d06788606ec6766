"""Addresses of the home page and of the settings pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from console import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("", include("console.settings.urls")),
]
