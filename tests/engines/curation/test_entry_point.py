"""The curation engine as the platform starts it, on pages that the ingest engine has written."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.engines.conftest import REPOSITORY, read_jsonl
from tests.engines.curation.documents import articles, golden_sources, pages
from workers.contract.specs.curation import CurationResult, CurationSource, CurationSpec
from workers.contract.specs.ingest import IngestBatchSpec, IngestFile
from workers.contract.specs.run import ExitCode, RunConfig

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


def test_two_runs_give_equal_bytes_whatever_the_processors_and_the_hashes(source, tmp_path):
    """Sets and dictionaries come in another order in every process, and libraries use as many threads as they may."""
    text = "\n".join(
        f"{article}担当は山田太郎様（090-1234-56{n:02}）。"
        for n, article in enumerate(articles(60).split("\n"))
    )
    sources = (
        *golden_sources(source),
        source("long", pages(text)),
        source("again", pages(text.replace("様", "さん"))),
    )
    written = []
    for seed, threads in (("1", "1"), ("2", "4")):
        run_dir, config = tmp_path / f"run-{seed}", tmp_path / f"{seed}.json"
        run_dir.mkdir()
        spec = CurationSpec(sources=sources).model_dump(mode="json")
        run = RunConfig(job_id=f"job-{seed}", kind="curation", fence=1, attempt=1, run_dir=run_dir, spec=spec)
        config.write_text(run.model_dump_json(), encoding="utf-8")
        counts = {f"{name}_NUM_THREADS": threads for name in ("RAYON", "OMP", "OPENBLAS", "MKL")}
        cores = {min(os.sched_getaffinity(0))} if threads == "1" else os.sched_getaffinity(0)
        subprocess.run(
            [sys.executable, "-m", "workers.engines.curation", str(config)],
            cwd=REPOSITORY,
            env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": seed, **counts},
            preexec_fn=lambda cores=cores: os.sched_setaffinity(0, cores),
            timeout=120,
            check=True,
        )
        written.append({path.name: path.read_bytes() for path in (run_dir / "output").iterdir()})
    names = {
        "manifest.json",
        "records.jsonl",
        "records.index",
        "dropped.jsonl",
        "changed.jsonl",
        "duplicates.jsonl",
    }
    assert names | {"report.json"} == written[0].keys() and all(written[0].values())
    assert written[0] == written[1]
