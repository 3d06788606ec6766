"""What people see of a report: the rows of the page, the outages of the banner, and the supervised processes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings

from health.parts import FINDINGS, OUTAGES, OUTAGES_BY_CODE, PARTS, TROUBLES, Status, Text
from health.report import Component, Report


class Row(NamedTuple):
    component: Component
    label: Text
    purpose: Text
    state: str
    """As `console/states.py` labels it."""
    remedy: Text


class Outage(NamedTuple):
    """One line of the banner."""

    name: str
    code: str
    what: Text
    lost: Text
    still: Text


def rows_of(report: Report) -> list[Row]:
    rows = []
    for component in report.components:
        state = "not_seen_yet" if component.code == "not_seen_yet" else component.status.value
        _, remedy = FINDINGS.get((component.name, component.code), (None, ""))
        rows.append(Row(component, *PARTS[component.name], state, remedy))
    return rows


def outages_of(report: Report) -> list[Outage]:
    """What is down, and what that means to everybody."""
    down = [one for one in report.components if one.status is Status.DOWN and one.name in OUTAGES]
    return [
        Outage(one.name.value, one.code, *OUTAGES_BY_CODE.get((one.name, one.code), OUTAGES[one.name]))
        for one in down
    ]


def banner_digest(outages: Sequence[Outage]) -> str:
    """Identifies what a banner shows, so that a page announces each change once."""
    return ".".join(f"{outage.name}:{outage.code}" for outage in outages)


@dataclass(frozen=True)
class Process:
    """A process that `manage.py up` keeps running on this machine."""

    name: str
    state: str
    """`running`, `starting`, `waiting`, `failing` or `unresponsive`."""
    restarts: int
    last_exit: int | None
    trouble: Text
    """What happened to the process before. Messages of tools and of the system stay in the logs: they may name
    folders."""
    seconds_left: float | None
    """Until the next start; None where a process is running."""


def supervised_processes() -> list[Process]:
    """Empty where no supervisor of ours runs on this machine."""
    try:
        stack: dict[str, Any] = json.loads((settings.KOSHA_VAR / "stack.json").read_bytes())
        os.kill(int(stack["pid"]), 0)
        return [_process(name, facts) for name, facts in stack["services"].items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Never written, damaged with its disk, or left by a supervisor that has ended.
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
