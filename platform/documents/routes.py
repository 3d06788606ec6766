"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET documents": P.DOCUMENTS_READ,
    "POST documents/upload": P.DOCUMENTS_WRITE,
    "POST documents/uploads": P.DOCUMENTS_WRITE,
    "GET documents/uploads/<upload_id>": P.DOCUMENTS_WRITE,
    "PATCH documents/uploads/<upload_id>": P.DOCUMENTS_WRITE,
    "DELETE documents/uploads/<upload_id>": P.DOCUMENTS_WRITE,
    "GET documents/<document_id>": P.DOCUMENTS_READ,
    "GET documents/<document_id>/content": P.DOCUMENTS_READ,
    "GET documents/<document_id>/pages/<number>/picture": P.DOCUMENTS_READ,
    "POST documents/<document_id>/personal-data": P.DOCUMENTS_WRITE,
    "POST documents/<document_id>/prune": P.DOCUMENTS_WRITE,
    "GET documents/<document_id>/stop": P.JOBS_CONTROL,
    "POST documents/<document_id>/stop": P.JOBS_CONTROL,
    "POST documents/<document_id>/delete": P.DOCUMENTS_WRITE,
    "GET v1/files": P.DOCUMENTS_READ,
    "POST v1/files": P.DOCUMENTS_WRITE,
    "GET v1/files/<file_id>": P.DOCUMENTS_READ,
    "POST v1/files/<file_id>": P.DOCUMENTS_WRITE,
    "DELETE v1/files/<file_id>": P.DOCUMENTS_WRITE,
    "GET v1/files/<file_id>/content": P.DOCUMENTS_READ,
    "GET v1/files/<file_id>/pages": P.DOCUMENTS_READ,
    "GET v1/files/<file_id>/pages/<number>/picture": P.DOCUMENTS_READ,
    "POST v1/uploads": P.DOCUMENTS_WRITE,
    "POST v1/uploads/<upload_id>/parts": P.DOCUMENTS_WRITE,
    "POST v1/uploads/<upload_id>/complete": P.DOCUMENTS_WRITE,
    "POST v1/uploads/<upload_id>/cancel": P.DOCUMENTS_WRITE,
}
