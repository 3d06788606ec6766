"""Records of a dataset version and places of pages, the same way in every engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from workers.contract.records import RECORD, AnyRecord, Page, Source, Split
from workers.contract.specs.curation import CurationSource
from workers.contract.specs.retrieval import RetrievalSource
from workers.engines.shared.runtime import UserError


def read_records(files: Sequence[Path], split: Split) -> Iterator[AnyRecord]:
    """The records of one split, in file order. Raises UserError `broken_record` naming file and line."""
    for path in files:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    # Only the split's own records are validated: validation is most of the reading time.
                    if json.loads(line).get("split", "train") == split:
                        yield RECORD.validate_json(line)
                except (ValidationError, ValueError, AttributeError):
                    raise UserError(
                        "broken_record",
                        f"Line {number} of {path.name} is not a record.",
                        param=f"{path.name}:{number}",
                        line=number,
                        file=path.name,
                    ) from None


def page_source(document: CurationSource | RetrievalSource, page: Page) -> Source:
    """The place of a page, for what is made from it."""
    return Source(
        document_id=document.document_id,
        revision_id=document.revision_id,
        document_name=document.document_name,
        kind=page.kind,
        number=page.number,
        label=page.label,
    )
