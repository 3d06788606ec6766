"""A curation from pages to a sealed dataset version: equal bytes, counts that add up, errors, stopping."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.engines.curation.documents import golden_sources, pages
from workers.contract.artifacts import verify_manifest
from workers.contract.specs.curation import DEFAULT_RECIPE, CurationSpec
from workers.contract.specs.run import RunConfig
from workers.engines.curation.engine import curate
from workers.engines.shared.runtime import EngineFault, Run, RunStopped, UserError

GOLDEN = Path(__file__).parent / "golden"


def test_output_equals_the_golden_files(source, run, curated):
    """Every byte of the records and drops; a change here changes customers' datasets."""
    curated(*golden_sources(source))
    for name in ("records.jsonl", "dropped.jsonl"):
        assert (run.output_dir / name).read_text(encoding="utf-8") == (GOLDEN / name).read_text(
            encoding="utf-8"
        )


def test_same_spec_gives_the_same_manifest(source, curated, run, tmp_path):
    sources = golden_sources(source)
    first, *_ = curated(*sources)
    config = RunConfig(job_id="job-2", kind="test", fence=1, attempt=1, run_dir=tmp_path / "second", spec={})
    again = Run(config)
    assert curate(again, CurationSpec(sources=sources)).manifest_sha256 == first.manifest_sha256
    verify_manifest(again.output_dir, first.manifest_sha256)


def test_counts_in_the_report_add_up(source, curated, run):
    result, _, dropped = curated(*golden_sources(source))
    report = json.loads((run.output_dir / "report.json").read_text(encoding="utf-8"))
    steps = report["steps"]
    assert [step["step"] for step in steps] == [step.type for step in DEFAULT_RECIPE.steps[:-1]]
    assert all(before["units_out"] == after["units_in"] for before, after in pairwise(steps))
    assert steps[-1]["units_out"] == result.records + result.pairs
    assert sum(step["dropped"] for step in steps) == len(dropped) == result.dropped
    assert report["totals"]["masked"] == {"email": 2}


def test_refuses_a_dataset_without_documents(run):
    with pytest.raises(UserError) as caught:
        curate(run, CurationSpec(sources=()))
    assert caught.value.code == "user.no_documents"


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text(path.read_text() + "\n")])
def test_missing_or_damaged_pages_are_a_system_error(source, run, damage):
    lost = source("a", pages("本文。"))
    damage(lost.pages_path)
    with pytest.raises(EngineFault) as caught:
        curate(run, CurationSpec(sources=(lost,)))
    assert (caught.value.code, caught.value.param) == ("system.pages_missing", "file-a")


def test_a_dataset_without_records_is_a_result(source, curated):
    result, records, _ = curated(source("a", pages("短い。")))
    assert (result.records, records, result.dropped_by_reason) == (0, [], {"too_short": 1})


def test_stops_on_request(source, run):
    run.request_stop()
    with pytest.raises(RunStopped):
        curate(run, CurationSpec(sources=(source("a", pages("本文。")),)))
