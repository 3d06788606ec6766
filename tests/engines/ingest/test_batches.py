"""One engine reads many files: a bad file is an outcome of its own, and what would hold up the others is left to be read alone."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.conftest import REPOSITORY, read_jsonl
from tests.engines.ingest import documents
from tests.engines.ingest.conftest import batch_of
from tests.engines.ingest.test_isolation import until
from workers.contract.artifacts import verify_manifest
from workers.contract.specs.ingest import FileOutcome, IngestBatchSpec, IngestSpec
from workers.contract.specs.run import RunConfig
from workers.engines.ingest import engine, isolation
from workers.engines.ingest.engine import ingest
from workers.engines.shared.runtime import EngineFault, Run, RunStopped

pytestmark = pytest.mark.slow

HERE = REPOSITORY / "tests" / "engines" / "ingest"


@pytest.fixture
def specs(tmp_path):
    """Makes the spec of each file of `{name: content}`; its name is also the id of its revision."""

    def make(files: dict[str, bytes], **facts) -> list[IngestSpec]:
        made = []
        for name, content in files.items():
            path = tmp_path / f"blob-{name}"
            path.write_bytes(content)
            made.append(
                IngestSpec(document_id="d", revision_id=name.replace(".", "-"), name=name, path=path, **facts)
            )
        return made

    return make


def codes(outcomes: tuple[FileOutcome, ...]) -> dict[str, str]:
    """By revision: `read`, the code of the file's error, or `alone`."""
    return {
        each.revision_id: "read" if each.result else each.error.code if each.error else "alone"
        for each in outcomes
    }


@pytest.fixture
def hostile(monkeypatch):
    """Files whose text is the name of a reader of `hostile.py` are read by that one, in the sandbox as always."""
    monkeypatch.setattr(isolation, "READER", "tests.engines.ingest.hostile:as_the_file_says")
    real = isolation.Reader.__init__

    def with_tests(self, run, files, **options):
        real(self, run, files, **{"reader": isolation.READER, "folders": [HERE], **options})

    monkeypatch.setattr(isolation.Reader, "__init__", with_tests)


def test_each_file_has_its_outcome_and_the_others_are_read_all_the_same(run, specs, hostile):
    files = {
        "a.txt": b"first",
        "empty.txt": b"",
        "wrong.pdf": b"MZ\x90\x00" + b"\x00" * 100,
        "crash.txt": b"crash",
        "fault.txt": b"fail",
        "killed.txt": b"kill_itself",
        "greedy.txt": b"eat_memory",
        "slow.txt": b"sleep",
        "forged.txt": b"send_garbage",
        "b.docx": documents.word(lambda document: document.add_paragraph("最後")),
        "c.txt": b"last",
    }
    batch = batch_of(*specs(files), parse_memory_bytes=256 << 20, batch_seconds=30, parse_seconds=1.5)
    result = ingest(run, batch)
    assert codes(result.outcomes) == {
        "a-txt": "read",
        "empty-txt": "ingest.user.empty_file",
        "wrong-pdf": "ingest.user.wrong_type",
        "crash-txt": "ingest.user.damaged_file",
        "fault-txt": "alone",
        "killed-txt": "alone",
        "greedy-txt": "ingest.user.parse_out_of_memory",
        "slow-txt": "alone",
        "forged-txt": "alone",
        "b-docx": "read",
        "c-txt": "read",
    }
    # Each was reported when it was read, and left nothing but what was read.
    told = [
        each["outcome"]["revision_id"]
        for each in read_jsonl(run.directory / "events.jsonl")
        if each["type"] == "file"
    ]
    assert told == [each.revision_id for each in result.outcomes]
    assert sorted(path.name for path in run.output_dir.iterdir()) == ["a-txt", "b-docx", "c-txt"]
    for outcome in result.outcomes:
        if outcome.result:
            folder = run.output_dir / outcome.revision_id
            assert (
                verify_manifest(folder, outcome.result.manifest_sha256)["facts"]["revision_id"]
                == outcome.revision_id
            )
    assert read_jsonl(run.output_dir / "c-txt" / "pages.jsonl")[0]["text"] == "last"


def test_a_file_is_read_as_it_is_read_alone(run, specs):
    """Also after others of its kind, whose libraries have been used by then."""
    book = documents.workbook({"表": [["品名", "価格"], ["ねじ", 100]]})
    word = documents.word(lambda document: document.add_paragraph("本文です。"))
    made = specs(
        {
            "a.xlsx": book,
            "a.docx": word,
            "b.xlsx": book,
            "b.docx": word,
            "a.pdf": documents.pdf([["本文です。"]]),
        }
    )
    ingest(run, batch_of(*made))
    for spec in made:
        alone = Run(
            RunConfig(job_id="j", kind="ingest", fence=1, attempt=1, run_dir=run.directory / "alone", spec={})
        )
        engine.read_file(alone, spec)
        for name in ("pages.jsonl", "personal_data.jsonl"):
            one, other = (each.output_dir / spec.revision_id / name for each in (run, alone))
            assert one.read_bytes() == other.read_bytes()


def test_what_a_hostile_file_knows_is_its_own_bytes(run, specs, hostile):
    """Its process has neither the files of the others nor the way to say something of them."""
    made = specs({"a.txt": b"secret", "spy.txt": b"list_descriptors", "b.txt": b"secret"})
    ingest(run, batch_of(*made))
    assert json.loads(read_jsonl(run.output_dir / "spy-txt" / "pages.jsonl")[0]["text"]) == [0, 1, 2, 3, 4]


def test_after_its_time_a_batch_begins_no_further_file(run, specs, monkeypatch):
    clock = itertools.count(0.0, 20.0)
    made = specs({f"{number}.txt": b"text" for number in range(6)})
    monkeypatch.setattr(engine, "monotonic", lambda: next(clock))
    result = ingest(run, batch_of(*made, batch_seconds=50))
    assert list(codes(result.outcomes)) == ["0-txt"]


def test_a_file_that_needs_recognition_or_conversion_is_read_alone(run, specs):
    made = specs(
        {
            "scan.pdf": documents.scan_pdf(),
            "old.xls": (HERE / "files" / "prices.xls").read_bytes(),
            "a.txt": b"a",
        },
        ocr="auto",
    )
    assert codes(ingest(run, batch_of(*made)).outcomes) == {
        "scan-pdf": "alone",
        "old-xls": "alone",
        "a-txt": "read",
    }


def test_a_missing_or_changed_file_is_read_alone_and_there_it_is_a_fault(run, specs):
    made = specs({"a.txt": b"a", "gone.txt": b"b", "changed.txt": b"c"})
    made[1].path.unlink()
    made[2] = made[2].model_copy(update={"sha256": "0" * 64})
    assert codes(ingest(run, batch_of(*made)).outcomes) == {
        "a-txt": "read",
        "gone-txt": "alone",
        "changed-txt": "alone",
    }
    for spec, code in ((made[1], "system.blob_missing"), (made[2], "system.blob_damaged")):
        with pytest.raises(EngineFault) as fault:
            ingest(run, batch_of(spec))
        assert fault.value.code == code


def test_a_stop_ends_the_batch(run, specs, hostile):
    run.request_stop()
    with pytest.raises(RunStopped):
        ingest(run, batch_of(*specs({"a.txt": b"a", "b.txt": b"b"})))


# -- killed in the middle ------------------------------------------------------------------------------
def start(folder: Path, batch: IngestBatchSpec, *previous: Path) -> subprocess.Popen:
    folder.mkdir()
    config = RunConfig(
        job_id="j", kind="ingest", fence=1, attempt=1, run_dir=folder, previous_run_dirs=previous,
        spec=batch.model_dump(mode="json"),
    )  # fmt: skip
    (folder / "config.json").write_text(config.model_dump_json())
    command = [sys.executable, "-m", "workers.engines.ingest", str(folder / "config.json")]
    return subprocess.Popen(command, cwd=REPOSITORY, env={"PATH": os.environ["PATH"]})


def reported(folder: Path) -> list[str]:
    events = folder / "events.jsonl"
    lines = events.read_bytes().splitlines() if events.exists() else []
    told = [json.loads(line) for line in lines if line.endswith(b"}")]
    return [event["outcome"]["revision_id"] for event in told if event["type"] == "file"]


def test_the_next_attempt_of_a_killed_engine_reads_what_is_left(tmp_path, specs):
    batch = batch_of(*specs({f"{number}.txt": b"text " * 2000 for number in range(40)}), batch_seconds=60)
    first = start(tmp_path / "1", batch)
    until(lambda: len(reported(tmp_path / "1")) >= 3)
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = start(tmp_path / "2", batch, tmp_path / "1")
    assert second.wait(60) == 0
    before, after = reported(tmp_path / "1"), reported(tmp_path / "2")
    assert 3 <= len(before) < 40
    assert [*before, *after] == [file.revision_id for file in batch.files]
