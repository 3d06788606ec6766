"""Every address: the health check, the API under /v1, and the console at the root."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from config.api import api
from health import views as health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
    path("v1/", api.urls),
    path("", include("console.urls")),
]

handler400 = "console.errors.bad_request"
handler403 = "console.errors.permission_denied"
handler404 = "console.errors.not_found"
handler500 = "console.errors.server_error"
