"""The ingest engine as the platform starts it."""

from __future__ import annotations

import pytest

from tests.engines.conftest import read_jsonl
from tests.engines.ingest import documents
from tests.engines.ingest.conftest import batch_of
from workers.contract.specs.ingest import IngestBatchResult
from workers.contract.specs.run import ExitCode

pytestmark = pytest.mark.slow


def test_reads_a_document_and_exits_with_done(start_engine, spec_for):
    book = documents.workbook({"FAQ": [["質問", "回答"], ["締切りはいつですか", "毎月二十五日です"]]})
    code, result, folder = start_engine("ingest", batch_of(spec_for("faq.xlsx", book)))
    assert code == ExitCode.DONE
    (outcome,) = IngestBatchResult.model_validate(result["output"]).outcomes
    assert outcome.result.pages == 1
    assert read_jsonl(folder / "output" / "rev-1" / "pages.jsonl")[0]["label"] == "FAQ"


def test_a_bad_file_is_an_outcome_and_no_failure_of_the_run(start_engine, spec_for):
    bad = spec_for("program.pdf", b"MZ\x90\x00" + b"\x00" * 100)
    code, result, _ = start_engine("ingest", batch_of(bad))
    assert code == ExitCode.DONE
    (outcome,) = IngestBatchResult.model_validate(result["output"]).outcomes
    assert outcome.result is None
    assert outcome.error.code == "ingest.user.wrong_type"
    assert "Upload a PDF" in outcome.error.message
    assert outcome.error.values == {"reason": "program"}
