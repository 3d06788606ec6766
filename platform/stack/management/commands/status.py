"""What runs at the moment: `python manage.py status`. Exits with 1 where nothing does."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from config.env import environment
from stack.state import is_running, read_json


class Command(BaseCommand):
    help = "Show the state of the stack that `manage.py up` started."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        var = environment().var
        if not is_running(var):
            self.stdout.write("stopped")
            sys.exit(1)
        facts = read_json(var / "stack.json")
        self.stdout.write(f"{facts.get('state', 'starting')} on {facts.get('base_url', '')}")
        for name, service in facts.get("services", {}).items():
            pid = service["pid"] or "waiting"
            self.stdout.write(f"  {name:14} {pid!s:8} restarts {service['restarts']}")
