"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Access, Rule
from common.permissions import Permission as P

RULES: dict[str, Rule] = {
    "GET v1/base_models": P.MODELS_READ,
    "POST v1/base_models": Access.OPERATOR,
    "GET v1/base_models/<base_model_id>": P.MODELS_READ,
    "GET v1/models": P.MODELS_READ,
    "GET v1/models/<model>": P.MODELS_READ,
    "DELETE v1/models/<model>": P.MODELS_WRITE,
    "GET v1/models/<model>/exports": P.MODELS_READ,
    "POST v1/models/<model>/exports": P.MODELS_WRITE,
}
