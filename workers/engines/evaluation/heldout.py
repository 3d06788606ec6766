"""The held-out records an evaluation measures: read, and the same ones chosen every time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from workers.contract.records import RECORD, AnyRecord, MessagesRecord, PairRecord, TextRecord
from workers.engines.shared.runtime import UserError

RecordT = TypeVar("RecordT", bound=TextRecord | PairRecord | MessagesRecord)


def read_heldout(files: Sequence[Path]) -> Iterator[AnyRecord]:
    """The records of the `heldout` split. Raises UserError `broken_record` naming file and line."""
    for path in files:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    if json.loads(line).get("split") == "heldout":
                        yield RECORD.validate_json(line)
                except (ValidationError, ValueError, AttributeError):
                    raise UserError(
                        "broken_record",
                        f"Line {number} of {path.name} is not a record.",
                        param=f"{path.name}:{number}",
                    ) from None


def choose(records: Sequence[RecordT], limit: int, seed: int) -> list[RecordT]:
    """At most `limit` of them, by hash: independent of their order, and stable when others come or go."""
    ranked = sorted(records, key=lambda record: hashlib.sha256(f"{seed}:{record.id}".encode()).digest())
    return ranked[:limit]
