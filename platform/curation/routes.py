"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET datasets": P.DATASETS_READ,
    "GET datasets/new": P.DATASETS_WRITE,
    "POST datasets/new": P.DATASETS_WRITE,
    "GET datasets/<dataset_id>": P.DATASETS_READ,
    "GET datasets/<dataset_id>/build": P.DATASETS_WRITE,
    "POST datasets/<dataset_id>/build": P.DATASETS_WRITE,
    "GET datasets/<dataset_id>/versions/<version_id>": P.DATASETS_READ,
    "GET datasets/<dataset_id>/versions/<version_id>/documents": P.DATASETS_READ,
    "GET datasets/<dataset_id>/versions/<version_id>/records": P.DATASETS_READ,
    "GET datasets/<dataset_id>/versions/<version_id>/dropped": P.DATASETS_READ,
    "GET datasets/<dataset_id>/versions/<version_id>/changed": P.DATASETS_READ,
    "GET datasets/<dataset_id>/versions/<version_id>/compare": P.DATASETS_READ,
    "GET datasets/<dataset_id>/versions/<version_id>/duplicates": P.DATASETS_READ,
    "GET v1/recipes": P.DATASETS_READ,
    "POST v1/recipes": P.DATASETS_WRITE,
    "GET v1/recipes/<recipe_id>": P.DATASETS_READ,
    "GET v1/datasets": P.DATASETS_READ,
    "POST v1/datasets": P.DATASETS_WRITE,
    "GET v1/datasets/<dataset_id>": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions": P.DATASETS_READ,
    "POST v1/datasets/<dataset_id>/versions": P.DATASETS_WRITE,
    "GET v1/datasets/<dataset_id>/versions/<version_id>": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/files": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/records": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/dropped": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/changed": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/compare": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/duplicates": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/compare/files": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/compare/records": P.DATASETS_READ,
}
