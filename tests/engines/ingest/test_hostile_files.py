"""Files that were made to break a reader, as one batch in the sandbox that this machine offers."""

from __future__ import annotations

import pytest

from tests.engines.conftest import read_jsonl
from tests.engines.ingest.hostile_files import HOSTILE_FILES, READ
from tests.engines.ingest.hostile_makers import TEXT
from workers.contract.specs.ingest import FileOutcome, IngestBatchSpec, IngestFile
from workers.engines.ingest.engine import ingest

pytestmark = pytest.mark.slow
ALONE = {"old workbook that never ends"}
"""Read by itself: it would be converted, if LibreOffice is installed."""


def test_each_is_read_or_refused_with_its_code(run, tmp_path):
    """And none of them keeps the next one from being read, or brings the text of a file of this machine."""
    files = []
    for number, (name, make, _) in enumerate(HOSTILE_FILES.values()):
        path = tmp_path / str(number)
        path.write_bytes(make())
        files.append(IngestFile(document_id="file-1", revision_id=f"rev-{number}", name=name, path=path))
    batch = IngestBatchSpec(files=tuple(files), ocr="rapidocr", batch_seconds=120)
    outcomes = dict(zip(HOSTILE_FILES, ingest(run, batch).outcomes, strict=True))
    left = {what for what, outcome in outcomes.items() if outcome.result is outcome.error is None}
    assert left >= ALONE
    # On a busy machine others are left, too: they are read alone, as the platform does it.
    for what, file in zip(HOSTILE_FILES, files, strict=True):
        if what in left - ALONE:
            (outcomes[what],) = ingest(run, batch.model_copy(update={"files": (file,)})).outcomes

    def became(outcome: FileOutcome) -> str:
        if outcome.error is not None:
            return outcome.error.code.removeprefix("ingest.user.")
        pages = read_jsonl(run.output_dir / outcome.revision_id / "pages.jsonl")
        text = "\n".join(page["text"] for page in pages)
        assert "root:" not in text
        return READ if TEXT in text else text

    expected = {what: outcome for what, (_, _, outcome) in HOSTILE_FILES.items() if what not in ALONE}
    assert {what: became(outcomes[what]) for what in expected} == expected
