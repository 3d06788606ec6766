"""Collect the texts to translate and compile the translations: `python manage.py translations`."""

from __future__ import annotations

import subprocess
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Update platform/locale/*/LC_MESSAGES from the sources and compile it (needs gettext)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        languages = [code for code, _ in settings.LANGUAGES]
        call_command(
            "makemessages",
            locale=languages,
            no_location=True,
            no_obsolete=True,
            ignore_patterns=[
                ".venv/*",
                "var/*",
                "tests/*",
                "demo/*",
                "workers/engines/*",
                "workers/orchestration/*",
            ],
        )
        for source in sorted(settings.LOCALE_PATHS[0].glob("*/LC_MESSAGES/*.po")):
            subprocess.run(["msgfmt", "--check", "-o", source.with_suffix(".mo"), source], check=True)
