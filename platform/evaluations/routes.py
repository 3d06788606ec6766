"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET evaluations": P.EVALUATIONS_READ,
    "GET evaluations/new": P.EVALUATIONS_RUN,
    "POST evaluations/new": P.EVALUATIONS_RUN,
    "GET evaluations/<evaluation_id>": P.EVALUATIONS_READ,
    "GET evaluations/<evaluation_id>/items": P.EVALUATIONS_READ,
    "GET v1/evals": P.EVALUATIONS_READ,
    "POST v1/evals": P.EVALUATIONS_RUN,
    "GET v1/evals/<eval_id>": P.EVALUATIONS_READ,
    "POST v1/evals/<eval_id>/runs": P.EVALUATIONS_RUN,
    "GET v1/evals/<eval_id>/runs": P.EVALUATIONS_READ,
    "GET v1/evals/<eval_id>/runs/<run_id>": P.EVALUATIONS_READ,
    "GET v1/evals/<eval_id>/runs/<run_id>/output_items": P.EVALUATIONS_READ,
}

IDEMPOTENT = {"POST v1/evals/<eval_id>/runs"}
"""Repeated with the same Idempotency-Key, they do nothing twice."""
