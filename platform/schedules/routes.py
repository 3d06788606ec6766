"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET schedules": P.SCHEDULES_READ,
    "GET schedules/new": P.SCHEDULES_WRITE,
    "POST schedules/new": P.SCHEDULES_WRITE,
    "GET schedules/<schedule_id>": P.SCHEDULES_READ,
    "GET schedules/<schedule_id>/edit": P.SCHEDULES_WRITE,
    "POST schedules/<schedule_id>/edit": P.SCHEDULES_WRITE,
    "POST schedules/<schedule_id>/fire": P.SCHEDULES_WRITE,
    "POST schedules/<schedule_id>/pause": P.SCHEDULES_WRITE,
    "POST schedules/<schedule_id>/resume": P.SCHEDULES_WRITE,
    "POST schedules/<schedule_id>/runs/<run_id>/stop": P.SCHEDULES_WRITE,
    "POST schedules/<schedule_id>/delete": P.SCHEDULES_WRITE,
    "GET v1/schedules": P.SCHEDULES_READ,
    "POST v1/schedules": P.SCHEDULES_WRITE,
    "GET v1/schedules/<schedule_id>": P.SCHEDULES_READ,
    "POST v1/schedules/<schedule_id>": P.SCHEDULES_WRITE,
    "DELETE v1/schedules/<schedule_id>": P.SCHEDULES_WRITE,
    "POST v1/schedules/<schedule_id>/fire": P.SCHEDULES_WRITE,
    "GET v1/schedules/<schedule_id>/runs": P.SCHEDULES_READ,
    "GET v1/schedules/<schedule_id>/runs/<run_id>": P.SCHEDULES_READ,
    "POST v1/schedules/<schedule_id>/runs/<run_id>/cancel": P.SCHEDULES_WRITE,
}
