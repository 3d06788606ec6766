"""Uploads are collected into jobs, completed while the job goes on, and read again alone where a batch could not read them."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from common.errors import Conflict
from documents import reading
from documents.models import Document, Revision
from documents.reading import SHORT_BYTES, reading_stop, revisions_collect
from documents.selectors import document_get, pages_folder
from documents.services import document_delete
from jobs.models import Job, JobEvent
from jobs.services import job_cancel, job_succeeded
from tests.world import DIGEST, World, begin, fail, ingest_result
from workers.contract.run_folder import RunFolder
from workers.contract.specs.ingest import FileOutcome, IngestBatchResult, IngestResult
from workers.contract.specs.run import RunError
from workers.orchestration.event_import import import_events
from workers.orchestration.finalize import finalize_job

RESULT = IngestResult(media_type="text/plain", pages=1, characters=2, sha256=DIGEST, manifest_sha256=DIGEST)
ENCRYPTED = RunError(code="ingest.user.encrypted", message="It is protected.")


def batch(world: World, count: int, first: int = 0) -> tuple[Job, list[Document]]:
    """A running job that reads so many documents."""
    documents = [world.received(f"{first + n}.txt", f"第{first + n}条") for n in range(count)]
    revisions_collect()
    (job,) = {revision(document).job for document in documents}
    return begin(job), documents


def revision(document: Document) -> Revision:
    return Revision.objects.select_related("job").get(document=document)


def read(job: Job, document: Document) -> FileOutcome:
    """As the engine leaves a file that it has read."""
    files = {"pages.jsonl": '{"kind": "page", "number": 1, "text": "本文", "tables": []}\n'}
    result = ingest_result(job, revision(document), RESULT, files)
    return IngestBatchResult.model_validate(result).outcomes[0]


def outcome(document: Document, error: RunError | None = None) -> FileOutcome:
    """Refused with `error`, or to be read alone."""
    return FileOutcome(revision_id=revision(document).id, error=error)


def report(job: Job, *outcomes: FileOutcome) -> None:
    """The engine's events, imported."""
    events = RunFolder(job.run_dir).events
    events.parent.mkdir(parents=True, exist_ok=True)
    number = len(events.read_text().splitlines()) if events.exists() else 0
    with open(events, "a") as file:
        for sequence, each in enumerate(outcomes, start=number):
            event = {
                "type": "file",
                "sequence": sequence,
                "time": 1.0,
                "outcome": each.model_dump(mode="json"),
            }
            file.write(json.dumps(event) + "\n")
    import_events(Job.objects.get(pk=job.pk))


def end(job: Job, *outcomes: FileOutcome) -> None:
    assert job_succeeded(
        job=Job.objects.get(pk=job.pk), result=IngestBatchResult(outcomes=outcomes).model_dump(mode="json")
    )
    finalize_job(job.id)
    assert Job.objects.get(pk=job.pk).finalized_at is not None


def states(*documents: Document) -> list[str]:
    return [revision(document).shown_state for document in documents]


# -- collecting --------------------------------------------------------------------------------------
def files_of_jobs() -> list[list[str]]:
    return [[file["name"] for file in job.spec["files"]] for job in Job.objects.order_by("id")]


def test_an_upload_waits_without_a_job_and_is_then_read_at_once(world):
    document = world.received("a.txt", "第1条")
    assert (revision(document).job, states(document)) == (None, ["uploaded"])
    revisions_collect()
    job = revision(document).job
    assert files_of_jobs() == [["a.txt"]]
    assert (job.actor_id, job.light_long, states(document)) == (world.actor.id, 0, ["uploaded"])
    begin(job)
    assert states(document) == ["reading"]


def test_what_waits_while_jobs_run_is_read_together(world, settings):
    settings.KOSHA_READ_TOGETHER = 3
    for number in range(9):
        world.received(f"{number}.txt", f"第{number}条")
        revisions_collect()
    assert files_of_jobs() == [["0.txt"], ["1.txt"]], "an organization has two jobs unfinished"
    fail(Job.objects.earliest("id"), "ingest.user.encrypted")
    revisions_collect()
    assert files_of_jobs()[2:] == [["2.txt", "3.txt", "4.txt"]]


def test_a_large_file_and_one_that_ended_a_batch_hold_up_no_small_one(world):
    large = world.received("large.txt", "x")
    Revision.objects.filter(document=large).update(size=SHORT_BYTES + 1)
    ended = world.received("ended.txt", "y")
    Revision.objects.filter(document=ended).update(is_alone=True)
    others = [world.received(f"{number}.txt", f"第{number}条") for number in range(3)]
    revisions_collect()
    assert sorted(files_of_jobs()) == [["0.txt", "1.txt", "2.txt"], ["ended.txt"], ["large.txt"]]
    assert [revision(each).job.light_long for each in (large, ended, others[0])] == [0, 1, 0]


def test_a_batch_holds_files_of_one_person_and_a_few_megabytes(world):
    for number, size in enumerate((SHORT_BYTES - 5, 4, 2)):
        document = world.received(f"{number}.txt", f"第{number}条")
        Revision.objects.filter(document=document).update(size=size)
    other = world.received("other.txt", "他")
    Revision.objects.filter(document=other).update(actor_id="user_other")
    revisions_collect()
    assert files_of_jobs() == [["0.txt", "1.txt"], ["2.txt"]]
    fail(Job.objects.earliest("id"))
    revisions_collect()
    assert files_of_jobs()[2] == ["other.txt"]


def test_nothing_is_collected_of_a_deleted_document(world):
    document = world.received()
    document_delete(document_id=document.id, actor=world.actor)
    revisions_collect()
    assert not Job.objects.exists()
    with CaptureQueriesContext(connection) as queries:
        revisions_collect()
    assert len(queries) == 1


# -- what has been read ------------------------------------------------------------------------------
def test_files_are_readable_while_the_batch_goes_on(world):
    job, (first, refused, last) = batch(world, 3)
    report(job, read(job, first), outcome(refused, ENCRYPTED))
    assert states(first, refused, last) == ["processed", "error", "reading"]
    assert (pages_folder(revision(first)) / "pages.jsonl").is_file()
    assert (revision(refused).error_code, revision(refused).error_message) == (
        ENCRYPTED.code,
        ENCRYPTED.message,
    )
    end(job, read_again := outcome(first), read(job, last))
    assert read_again.result is None, "what was imported before is not changed by the result"
    assert states(first, refused, last) == ["processed", "error", "processed"]
    assert Job.objects.get(pk=job.pk).state == "succeeded"
    assert not JobEvent.objects.filter(job=job, type="file").exists()


def test_many_files_are_completed_with_as_many_queries_as_few(world):
    counts = []
    for number, size in enumerate((2, 12)):
        job, documents = batch(world, size, first=100 * number)
        made = [read(job, document) for document in documents]
        with CaptureQueriesContext(connection) as queries:
            report(job, *made)
        assert set(states(*documents)) == {"processed"}
        end(job)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_knowledge_bases_are_built_once_for_all_that_was_read(world):
    world.embedding_model()
    job, documents = batch(world, 4)
    world.knowledge_base(documents)
    report(job, *(read(job, document) for document in documents))
    (build,) = Job.objects.filter(kind="retrieval")
    assert {source["document_id"] for source in build.spec["sources"]} == {
        document.id for document in documents
    }


def test_what_a_batch_has_not_read_is_collected_again(world):
    """Because its time was over, or an event was lost: the result of the run completes that."""
    job, (lost, alone, left) = batch(world, 3)
    end(job, read(job, lost), outcome(alone))
    assert states(lost, alone, left) == ["processed", "uploaded", "uploaded"]
    assert [(each.job, each.is_alone) for each in map(revision, (alone, left))] == [
        (None, True),
        (None, False),
    ]
    revisions_collect()
    assert sorted(files_of_jobs()[1:]) == [["1.txt"], ["2.txt"]]
    assert Revision.objects.filter(job=job).count() == 1


def test_a_batch_that_failed_for_good_is_broken_up_and_only_what_fails_alone_is_an_error(world):
    job, (first, second, third) = batch(world, 3)
    report(job, read(job, first))
    fail_running(job)
    assert states(first, second, third) == ["processed", "uploaded", "uploaded"]
    revisions_collect()
    assert files_of_jobs()[1:] == [["1.txt"], ["2.txt"]]
    fail_running(begin(revision(second).job))
    assert states(second) == ["error"]
    assert revision(second).error_code == "ingest.system.lost"
    again = begin(revision(third).job)
    end(again, read(again, third))
    assert states(third) == ["processed"]


def fail_running(job: Job) -> None:
    from jobs.services import job_failed

    assert job_failed(
        job=Job.objects.get(pk=job.pk), error=RunError(code="ingest.system.lost", message="It was lost.")
    )
    finalize_job(job.id)


def test_text_that_is_lost_on_the_disk_is_read_again_once(world):
    job, (damaged, whole) = batch(world, 2)
    made = [read(job, damaged), read(job, whole)]
    (job.run_dir / "output" / revision(damaged).id / "pages.jsonl").unlink()
    report(job, *made)
    end(job, *made)
    assert states(damaged, whole) == ["uploaded", "processed"]
    revisions_collect()
    again = begin(revision(damaged).job)
    made = [read(again, damaged)]
    (again.run_dir / "output" / revision(damaged).id / "pages.jsonl").unlink()
    end(again, *made)
    assert revision(damaged).error_code == "ingest.system.result_lost"


def test_the_text_of_a_rolled_back_adoption_is_replaced(world, monkeypatch):
    """The worker died between moving the folder and its commit, and then the attempt was lost."""
    job, (document, _) = batch(world, 2)
    older = read(job, document)
    reading._adopt(revision(document), older.result, job)
    newer = read(job, document)
    (pages_folder(revision(document)) / "stray").touch()
    report(job, newer)
    assert states(document) == ["processed"]
    assert not (pages_folder(revision(document)) / "stray").exists()


# -- stopping and deleting ------------------------------------------------------------------------------
def test_stopping_one_file_leaves_the_others_of_its_batch(world):
    job, (first, second) = batch(world, 2)
    waiting = world.received("waiting.txt", "待")
    for document in (first, waiting):
        reading_stop(revision=revision(document), actor=world.actor)
    assert states(first, second, waiting) == ["error", "reading", "error"]
    assert revision(first).error_code == "ingest.user.cancelled"
    assert AuditEvent.objects.filter(action="document.reading_stopped").count() == 2
    end(job, read(job, first), read(job, second))
    assert states(first, second) == ["error", "processed"]
    assert not pages_folder(revision(first)).exists()
    with pytest.raises(Conflict):
        reading_stop(revision=revision(second), actor=world.actor)


def test_stopping_the_only_file_of_a_job_stops_the_job(world):
    job, (document,) = batch(world, 1)
    reading_stop(revision=revision(document), actor=world.actor)
    assert Job.objects.get(pk=job.pk).state == "cancelling"


def test_cancelling_a_batch_stops_all_that_it_has_not_read(world):
    documents = [world.received(f"{n}.txt", f"第{n}条") for n in range(2)]
    revisions_collect()
    job = job_cancel(job=revision(documents[0]).job, actor=world.actor)
    finalize_job(job.id)
    assert [revision(each).error_code for each in documents] == ["ingest.user.cancelled"] * 2


def test_a_document_deleted_while_its_batch_is_read_leaves_no_text(world, django_capture_on_commit_callbacks):
    job, (deleted, kept) = batch(world, 2)
    made = [read(job, deleted), read(job, kept)]
    with django_capture_on_commit_callbacks(execute=True):
        document_delete(document_id=deleted.id, actor=world.actor)
    report(job, *made)
    end(job, *made)
    assert Job.objects.get(pk=job.pk).state == "succeeded"
    assert states(kept) == ["processed"]
    assert not pages_folder(revision(deleted)).exists()
    assert document_get(kept.id)


# -- pages --------------------------------------------------------------------------------------------------
def test_the_page_of_a_batch_lists_its_documents_and_each_can_be_stopped(world):
    job, (first, second) = batch(world, 2)
    report(job, read(job, first))
    browser = world.browser()
    page = browser.get(f"/jobs/{job.id}").content.decode()
    assert "1 of 2 read" in page and first.get_absolute_url() in page and second.get_absolute_url() in page
    assert "2 documents" in browser.get("/jobs").content.decode()
    assert f"/documents/{second.id}/stop" in browser.get("/documents").content.decode()
    assert "Stop reading this document?" in browser.get(f"/documents/{second.id}/stop").content.decode()
    answer = browser.post(f"/documents/{second.id}/stop", follow=True).content.decode()
    assert "The document is not read any more." in answer and states(second) == ["error"]
    assert browser.get(f"/documents/{second.id}/stop").status_code == 302
