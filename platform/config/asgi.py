"""The web process: `uvicorn config.asgi:application` with `platform/` and the repository on the path."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("KOSHA_PROCESS", "web")

from django.core.asgi import get_asgi_application

application = get_asgi_application()
