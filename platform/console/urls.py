"""Every page of the console; `config/urls.py` hangs it at the root."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from console import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("", include("accounts.urls")),
    path("documents", include("documents.urls")),
    path("datasets", include("curation.urls")),
    path("jobs", include("jobs.urls")),
    path("settings", include("console.settings.urls")),
    path("training", include("training.urls")),
    path("evaluations", include("evaluations.urls")),
    path("releases", include("releases.urls")),
    path("knowledge", include("retrieval.urls")),
    path("chat", include("chat.urls")),
    path("schedules", include("schedules.urls")),
    path("health", include("health.urls")),
]
