"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET training": P.TRAINING_READ,
    "GET training/new": P.TRAINING_RUN,
    "POST training/new": P.TRAINING_RUN,
    "GET training/estimate": P.TRAINING_RUN,
    "GET training/models": P.MODELS_READ,
    "GET training/models/<version_id>": P.MODELS_READ,
    "POST training/models/<version_id>/export": P.MODELS_WRITE,
    "GET training/<run_id>": P.TRAINING_READ,
    "GET training/<run_id>/points": P.TRAINING_READ,
    "POST training/<run_id>/pause": P.TRAINING_RUN,
    "POST training/<run_id>/resume": P.TRAINING_RUN,
    "POST training/<run_id>/cancel": P.TRAINING_RUN,
    "GET v1/fine_tuning/jobs": P.TRAINING_READ,
    "POST v1/fine_tuning/jobs": P.TRAINING_RUN,
    "GET v1/fine_tuning/jobs/<job_id>": P.TRAINING_READ,
    "GET v1/fine_tuning/jobs/<job_id>/events": P.TRAINING_READ,
    "GET v1/fine_tuning/jobs/<job_id>/checkpoints": P.TRAINING_READ,
    "POST v1/fine_tuning/jobs/<job_id>/cancel": P.TRAINING_RUN,
    "POST v1/fine_tuning/jobs/<job_id>/pause": P.TRAINING_RUN,
    "POST v1/fine_tuning/jobs/<job_id>/resume": P.TRAINING_RUN,
}

IDEMPOTENT = {"POST v1/fine_tuning/jobs"}
"""Repeated with the same Idempotency-Key, they do nothing twice."""
