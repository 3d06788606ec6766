"""The ingest engine as the platform starts it."""

from __future__ import annotations

import pytest

from tests.engines.conftest import read_jsonl
from tests.engines.ingest import documents
from workers.contract.specs.ingest import IngestResult
from workers.contract.specs.run import ExitCode

pytestmark = pytest.mark.slow


def test_reads_a_document_and_exits_with_done(start_engine, spec_for):
    book = documents.workbook({"FAQ": [["質問", "回答"], ["締切りはいつですか", "毎月二十五日です"]]})
    code, result, folder = start_engine("ingest", spec_for("faq.xlsx", book))
    assert code == ExitCode.DONE
    assert IngestResult.model_validate(result["output"]).pages == 1
    assert read_jsonl(folder / "output" / "pages.jsonl")[0]["label"] == "FAQ"


def test_ends_with_the_user_error_code_on_a_bad_file(start_engine, spec_for):
    code, result, _ = start_engine("ingest", spec_for("program.pdf", b"MZ\x90\x00" + b"\x00" * 100))
    assert code == ExitCode.USER_ERROR
    assert result["error"]["code"] == "ingest.user.wrong_type"
    assert "Upload a PDF" in result["error"]["message"]
    assert result["error"]["values"] == {"reason": "program"}
