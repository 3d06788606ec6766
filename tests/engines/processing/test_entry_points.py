"""The processing engines as the platform starts them: a process, a config file, an exit code, a result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engines.processing import documents
from tests.engines.processing.conftest import read_jsonl
from workers.contract.specs.curation import CurationResult, CurationSource, CurationSpec
from workers.contract.specs.ingest import IngestResult, IngestSpec
from workers.contract.specs.run import ExitCode, RunConfig

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def engine(tmp_path):
    def start(name: str, spec: IngestSpec | CurationSpec) -> tuple[int, dict[str, Any], Path]:
        run_dir = tmp_path / name
        run_dir.mkdir()
        config = RunConfig(
            job_id="job-1", kind=name, fence=1, attempt=1, run_dir=run_dir, spec=spec.model_dump(mode="json")
        )
        path = tmp_path / f"{name}.json"
        path.write_text(config.model_dump_json(), encoding="utf-8")
        # Started with nothing but what a process needs: no Django settings, no database.
        done = subprocess.run(
            [sys.executable, "-m", f"workers.engines.{name}", str(path)],
            cwd=REPOSITORY,
            env={"PATH": "/usr/bin:/bin"},
            timeout=60,
        )
        return done.returncode, json.loads((run_dir / "result.json").read_text(encoding="utf-8")), run_dir

    return start


def test_ingest_then_curate(engine, spec_for):
    book = documents.workbook({"FAQ": [["質問", "回答"], ["締切りはいつですか", "毎月二十五日です"]]})
    code, result, ingested = engine("ingest", spec_for("faq.xlsx", book))
    assert code == ExitCode.DONE
    assert IngestResult.model_validate(result["output"]).pages == 1

    source = CurationSource(
        document_id="file-1",
        revision_id="rev-1",
        document_name="faq.xlsx",
        pages_path=ingested / "output" / "pages.jsonl",
        media_type=result["output"]["media_type"],
    )
    code, result, curated = engine("curation", CurationSpec(sources=(source,)))
    assert code == ExitCode.DONE
    assert CurationResult.model_validate(result["output"]).pairs == 1
    assert read_jsonl(curated / "output" / "records.jsonl")[0]["source"]["cells"] == "A2:B2"
    assert [event["type"] for event in read_jsonl(curated / "events.jsonl")][:2] == ["started", "progress"]
    assert not (curated / "spool.jsonl").exists()


def test_a_bad_file_ends_with_the_users_exit_code(engine, spec_for):
    code, result, _ = engine("ingest", spec_for("program.pdf", b"MZ\x90\x00" + b"\x00" * 100))
    assert code == ExitCode.USER_ERROR
    assert result["error"]["code"] == "ingest.user.wrong_type"
    assert "Upload a PDF" in result["error"]["message"]
