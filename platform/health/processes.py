"""What `manage.py up` tells of the processes it keeps alive on this machine."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from django.conf import settings


@dataclass(frozen=True)
class Process:
    name: str
    state: str
    """`running`, `starting`, `waiting`, `failing` or `unresponsive`."""
    restarts: int
    last_exit: int | None


def processes() -> list[Process]:
    """Empty where no supervisor of ours runs on this machine."""
    try:
        stack: dict[str, Any] = json.loads((settings.KOSHA_VAR / "stack.json").read_bytes())
        os.kill(int(stack["pid"]), 0)
        return [_process(name, facts) for name, facts in stack["services"].items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Never written, half gone with its disk, or left by a supervisor that is no more.
        return []


def _process(name: str, facts: dict[str, Any]) -> Process:
    state = facts.get("state") or ("running" if facts.get("pid") else "waiting")
    last_exit = facts.get("last_exit")
    return Process(
        name, str(state), int(facts.get("restarts") or 0), last_exit if isinstance(last_exit, int) else None
    )
