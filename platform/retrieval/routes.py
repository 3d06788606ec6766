"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET knowledge": P.KNOWLEDGE_READ,
    "GET knowledge/new": P.KNOWLEDGE_WRITE,
    "POST knowledge/new": P.KNOWLEDGE_WRITE,
    "GET knowledge/<knowledge_id>": P.KNOWLEDGE_READ,
    "POST knowledge/<knowledge_id>/add": P.KNOWLEDGE_WRITE,
    "POST knowledge/<knowledge_id>/personal-data": P.KNOWLEDGE_WRITE,
    "POST knowledge/<knowledge_id>/build-again": P.KNOWLEDGE_WRITE,
    "POST knowledge/<knowledge_id>/remove/<document_id>": P.KNOWLEDGE_WRITE,
    "POST knowledge/<knowledge_id>/delete": P.KNOWLEDGE_WRITE,
    "GET v1/vector_stores": P.KNOWLEDGE_READ,
    "POST v1/vector_stores": P.KNOWLEDGE_WRITE,
    "GET v1/vector_stores/<vector_store_id>": P.KNOWLEDGE_READ,
    "POST v1/vector_stores/<vector_store_id>": P.KNOWLEDGE_WRITE,
    "DELETE v1/vector_stores/<vector_store_id>": P.KNOWLEDGE_WRITE,
    "GET v1/vector_stores/<vector_store_id>/files": P.KNOWLEDGE_READ,
    "POST v1/vector_stores/<vector_store_id>/files": P.KNOWLEDGE_WRITE,
    "GET v1/vector_stores/<vector_store_id>/files/<file_id>": P.KNOWLEDGE_READ,
    "DELETE v1/vector_stores/<vector_store_id>/files/<file_id>": P.KNOWLEDGE_WRITE,
    "POST v1/vector_stores/<vector_store_id>/file_batches": P.KNOWLEDGE_WRITE,
    "GET v1/vector_stores/<vector_store_id>/file_batches/<batch_id>": P.KNOWLEDGE_READ,
    "POST v1/vector_stores/<vector_store_id>/search": P.KNOWLEDGE_READ,
}
