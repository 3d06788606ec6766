"""The curation engine as the platform starts it, on pages that the ingest engine has written."""

from __future__ import annotations

import pytest

from tests.engines.conftest import read_jsonl
from workers.contract.specs.curation import CurationResult, CurationSource, CurationSpec
from workers.contract.specs.ingest import IngestBatchSpec, IngestFile
from workers.contract.specs.run import ExitCode

pytestmark = pytest.mark.slow


def test_turns_ingested_pages_into_records(start_engine, tmp_path):
    faq = tmp_path / "faq.csv"
    faq.write_text("質問,回答\n締切りはいつですか,毎月二十五日です\n", encoding="utf-8")
    file = IngestFile(document_id="file-1", revision_id="rev-1", name="faq.csv", path=faq)
    code, result, ingested = start_engine("ingest", IngestBatchSpec(files=(file,)))
    assert code == ExitCode.DONE

    source = CurationSource(
        document_id="file-1",
        revision_id="rev-1",
        document_name="faq.csv",
        pages_path=ingested / "output" / "rev-1" / "pages.jsonl",
        media_type=result["output"]["outcomes"][0]["result"]["media_type"],
    )
    code, result, curated = start_engine("curation", CurationSpec(sources=(source,)))
    assert code == ExitCode.DONE
    assert CurationResult.model_validate(result["output"]).pairs == 1
    record = read_jsonl(curated / "output" / "records.jsonl")[0]
    assert record["origin"]["source"]["cells"] == "A2:B2"
    assert [event["type"] for event in read_jsonl(curated / "events.jsonl")][:2] == ["started", "progress"]
    assert not (curated / "spool.jsonl").exists()
