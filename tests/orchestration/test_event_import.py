"""Each event reaches the database once, also from a half-written file."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from jobs.models import Job, JobEvent
from jobs.services import job_claim, job_started
from jobs.types import job_type
from workers.contract.specs.events import Metrics
from workers.orchestration import event_import
from workers.orchestration.event_import import import_events, read_part


@pytest.fixture
def job(make_job):
    job = make_job()
    assert job_claim(job=job)
    assert job_started(job=job)
    job.run_dir.mkdir(parents=True)
    return Job.objects.get(pk=job.pk)


def line(sequence: int, type_: str = "log", **fields) -> bytes:
    fields = {"log": {"message": f"m{sequence}"}}.get(type_, {}) | fields
    event = {"type": type_, "sequence": sequence, "time": 1000.0 + sequence, **fields}
    return json.dumps(event, ensure_ascii=False).encode() + b"\n"


def write(job: Job, *parts: bytes) -> None:
    with open(job.run_dir / "events.jsonl", "ab") as file:
        file.write(b"".join(parts))


def messages(job: Job) -> list[str]:
    return list(JobEvent.objects.filter(job=job, type="log").order_by("id").values_list("message", flat=True))


def test_imports_nothing_from_an_empty_folder(job):
    import_events(job)
    assert (job.events_offset, messages(job)) == (0, [])


def test_a_half_written_line_is_imported_once_it_is_whole(job):
    whole = line(0, message="初めの行") + line(1)
    for end in range(1, len(whole) + 1):
        write(job, whole[end - 1 : end])
        import_events(Job.objects.get(pk=job.pk))
        complete = whole[:end].count(b"\n")
        assert messages(job) == ["初めの行", "m1"][:complete]
    assert Job.objects.get(pk=job.pk).events_offset == len(whole)


def test_a_sequence_that_is_in_the_file_twice_is_imported_once(job):
    """After a flipped bit in the file. The constraint would refuse the whole part at every tick."""
    write(job, line(0), line(2), line(1), line(2), line(3))
    import_events(job)
    assert messages(job) == ["m0", "m2", "m3"]


def test_importing_again_adds_nothing(job):
    write(job, line(0), line(1))
    stale = Job.objects.get(pk=job.pk)
    import_events(job)
    import_events(job)
    import_events(stale)  # a second worker that read the job before
    assert messages(job) == ["m0", "m1"]


def test_a_repeated_sequence_is_the_same_event(job):
    write(job, line(0), line(1))
    import_events(job)
    write(job, line(1), line(2))
    import_events(job)
    assert messages(job) == ["m0", "m1", "m2"]


def test_damaged_lines_are_skipped(job):
    write(
        job,
        b"{half a li\n",
        b"\xff\xfe\n",
        line(0),
        b'{"type": "unknown", "sequence": 1, "time": 1}\n',
        line(2),
    )
    import_events(job)
    assert messages(job) == ["m0", "m2"]


def test_more_than_one_part_is_read_to_the_end(job, monkeypatch):
    monkeypatch.setattr(event_import, "PART_BYTES", 100)
    write(job, *(line(number) for number in range(20)))
    import_events(job)
    assert messages(job) == [f"m{number}" for number in range(20)]


def test_a_line_without_end_does_not_block_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(event_import, "PART_BYTES", 100)
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * 250 + b"\n" + line(0))
    offset, seen = 0, []
    for _ in range(5):
        part = read_part(path, offset)
        offset, seen = part.offset, [*seen, *part.events]
    assert [event.sequence for event in seen] == [0]
    assert offset == path.stat().st_size


def test_progress_becomes_columns_and_no_rows(job):
    write(job, *(line(n, "progress", done=n + 1, total=4, unit="step", seconds_left=9.5) for n in range(3)))
    import_events(job)
    assert (job.progress_done, job.progress_total, job.progress_unit, job.seconds_left) == (3, 4, "step", 9.5)
    assert job.step_seconds == [1.0, 1.0]
    assert not JobEvent.objects.filter(job=job, sequence__isnull=False).exists()


def test_a_new_checkpoint_resets_the_retry_counters(job):
    Job.objects.filter(pk=job.pk).update(losses=3, failures_since_checkpoint=1, checkpoint_step=10)
    job.refresh_from_db()
    checkpoint = {"path": "checkpoints/x", "manifest_sha256": "0", "values": {"loss": 2.5}}
    write(job, line(0, "checkpoint", step=10, **checkpoint))
    import_events(job)
    assert (job.losses, job.failures_since_checkpoint) == (3, 1), "repeated work is no progress"
    write(job, line(1, "checkpoint", step=20, **checkpoint))
    import_events(job)
    assert (job.losses, job.failures_since_checkpoint, job.checkpoint_step) == (0, 0, 20)


def test_a_failing_handler_does_not_stop_the_import(job, monkeypatch):
    taken = []

    def handler(*, job, events):
        taken.extend(event.sequence for event in events)
        raise RuntimeError("no")

    monkeypatch.setattr(
        event_import, "job_type", lambda name: replace(job_type(name), events={Metrics: handler})
    )
    write(job, line(0, "metrics", step=1, values={"loss": 2.0}), line(1))
    import_events(job)
    assert taken == [0]
    assert messages(job) == ["m1"]
    assert JobEvent.objects.get(job=job, type="metrics").data["values"] == {"loss": 2.0}
    assert job.has_metrics


@pytest.mark.slow
def test_imports_ten_thousand_lines_in_seconds(job):
    write(job, *(line(n, "metrics", step=n, values={"loss": 1.0}) for n in range(10_000)))
    began = time.monotonic()
    import_events(job)
    assert JobEvent.objects.filter(job=job, type="metrics").count() == 10_000
    assert time.monotonic() - began < 20
