"""All routes: the API under /v1, and the `urls.py` of each app."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from common.installed import app_modules
from config.api import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", api.urls),
    *(path("", include(urls)) for urls in app_modules("urls")),
]

handler400 = "console.errors.bad_request"
handler403 = "console.errors.permission_denied"
handler404 = "console.errors.not_found"
handler500 = "console.errors.server_error"
