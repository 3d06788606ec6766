"""The web process under a WSGI server; streamed answers need `config.asgi` instead."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("KOSHA_PROCESS", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
