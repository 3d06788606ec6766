"""The id of the request that is being answered: in its answer, in the lines of the log, on the page of an error."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar

HEADER = "x-request-id"

current_request_id: ContextVar[str | None] = ContextVar("current_request_id", default=None)
"""None outside a request. Threads that work for a request see its id."""

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")


def request_id(given: str) -> str:
    """What the client or a proxy calls the request, if that is harmless in a log; otherwise a new id."""
    return given if _ACCEPTED.fullmatch(given) else f"req_{uuid.uuid4().hex}"
