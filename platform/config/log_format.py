"""Log records as lines of JSON; they never contain the body of a request."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from common.request_id import current_request_id

ADDED_FIELDS = ("organization", "job", "request_id", "status_code", "duration_ms")

REFUSALS = (429, 503)
"""Answers that are logged without a traceback: under load there are many, and they would fill the disk."""


class JsonLineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, str | float] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ADDED_FIELDS:
            value = getattr(record, name, current_request_id.get() if name == "request_id" else None)
            if value is not None:
                line[name] = value if isinstance(value, int | float) else str(value)
        if record.exc_info and line.get("status_code") not in REFUSALS:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
