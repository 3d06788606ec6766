"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET jobs": P.JOBS_READ,
    "GET jobs/<job_id>": P.JOBS_READ,
    "GET jobs/<job_id>/stream": P.JOBS_READ,
    "GET jobs/<job_id>/cancel": P.JOBS_CONTROL,
    "POST jobs/<job_id>/cancel": P.JOBS_CONTROL,
    "POST jobs/<job_id>/pause": P.JOBS_CONTROL,
    "POST jobs/<job_id>/resume": P.JOBS_CONTROL,
    "GET v1/jobs": P.JOBS_READ,
    "GET v1/jobs/<job_id>": P.JOBS_READ,
    "GET v1/jobs/<job_id>/events": P.JOBS_READ,
    "POST v1/jobs/<job_id>/cancel": P.JOBS_CONTROL,
}
