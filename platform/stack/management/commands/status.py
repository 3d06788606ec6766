"""The state of the running stack: `python manage.py status`. Exits with 1 where none runs."""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand

from config.env import environment, running_stack
from stack.state import is_running


class Command(BaseCommand):
    help = "Show the state of the stack that `manage.py up` started."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        var = environment().var
        if not is_running(var):
            self.stdout.write("stopped")
            sys.exit(1)
        facts = running_stack(var)
        self.stdout.write(f"{facts.get('state', 'starting')} on {facts.get('base_url', '')}")
        for name, service in facts.get("services", {}).items():
            self.stdout.write(_line(name, service))


def _line(name: str, service: dict[str, Any]) -> str:
    line = f"  {name:14} {service['state']:13} {service['pid'] or '-'!s:8} restarts {service['restarts']}"
    if service["state"] in ("running", "starting"):
        return line
    next_start = service["next_start"]
    seconds = "" if next_start is None else f"; next start in {max(0, round(next_start - time.time()))} s"
    return f"{line}  {service['reason']}{seconds}; its log: {service['log']}"
