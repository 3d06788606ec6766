"""What `manage.py up` tells of the processes it keeps alive on this machine."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from health.words import TROUBLES, Text


@dataclass(frozen=True)
class Process:
    name: str
    state: str
    """`running`, `starting`, `waiting`, `failing` or `unresponsive`."""
    restarts: int
    last_exit: int | None
    trouble: Text
    """What happened to the one before, worded; what tools and the system said of it stays in the logs,
    for it may name folders."""
    seconds_left: float | None
    """Until the next start; None where a process is there."""


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
    last_exit, next_start = facts.get("last_exit"), facts.get("next_start")
    return Process(
        name=name,
        state=str(state),
        restarts=int(facts.get("restarts") or 0),
        last_exit=last_exit if isinstance(last_exit, int) else None,
        trouble=TROUBLES.get(str(facts.get("trouble")), ""),
        seconds_left=None if next_start is None else max(0.0, float(next_start) - time.time()),
    )
