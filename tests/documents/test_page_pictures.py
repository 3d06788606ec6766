"""Pictures of pages: drawn when somebody looks, for those who may see the original, kept for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.utils import timezone

from backup.inventory import inventory
from common.tenancy import every_organization
from demo.client import ApiClient
from documents import pictures
from documents.models import Document, PagePictures
from documents.pictures import AT_ONCE, PICTURES, page_pictures_sweep, picture_path
from documents.services import document_delete
from jobs.models import Job
from retrieval.services import knowledge_base_update
from tests.in_process import api_of
from tests.world import DIGEST, World, begin, fail, finish
from workers.contract.run_folder import RunFolder
from workers.contract.specs.page_pictures import NotDrawn, PagePicturesResult, picture_file

PAGES = AT_ONCE + 2


@pytest.fixture
def document(world: World) -> Document:
    return world.document("図面.pdf", media_type="application/pdf", pages=PAGES)


@pytest.fixture
def api(world: World) -> ApiClient:
    return api_of(world.key("viewer"))


def look(api: ApiClient, document: Document, number: object = 1, **query: str):
    return api.get(f"files/{document.id}/pages/{number}/picture", **query)


def drawn(job_id: str, numbers: Sequence[int] = range(1, AT_ONCE + 1), *, lacks: int | None = None) -> Job:
    """The job has ended, with a picture of each page but one."""
    kept = [number for number in numbers if number != lacks]
    failed = (NotDrawn(number=lacks, code="user.damaged_file"),) if lacks else ()
    result = PagePicturesResult(drawn=tuple(kept), not_drawn=failed, bytes=100, manifest_sha256=DIGEST)
    files = {picture_file(number): f"picture {number}" for number in kept}
    return finish(Job.objects.get(pk=job_id), result, files)


def test_the_first_look_has_a_page_drawn_with_its_neighbours(world, document, api):
    first = look(api, document, 3)
    assert (first.status, first.headers["Retry-After"], first.body["status"]) == (202, "1", "queued")
    job = Job.objects.get(pk=first.body["job"])
    assert job.spec["pages"] == [3, 1, 2, 4, 5, 6] and job.light == 1 and first.body["message"]
    assert look(api, document, AT_ONCE).body["job"] == job.id, "no second job for what is being drawn"
    drawn(job.id)
    shown = look(api, document, 3)
    assert (shown.status, shown.headers["Content-Type"], shown.content) == (200, "image/webp", b"picture 3")
    assert (shown.headers["Cache-Control"], shown.headers["X-Kosha-Personal-Data"]) == (
        "private, no-cache",
        "raw",
    )
    again = world.browser("viewer").get(
        f"/documents/{document.id}/pages/3/picture?revision={document.current_revision_id}",
        headers={"If-None-Match": shown.headers["ETag"]},
    )
    assert again.status_code == 304
    last = Job.objects.get(pk=look(api, document, PAGES).body["job"])
    assert last.spec["pages"] == [PAGES, PAGES - 1]


def test_who_may_not_see_the_original_sees_no_picture(world, document, api):
    drawn(look(api, document).body["job"])
    other = World("other")
    with other:
        stranger = api_of(other.key())
    foreign, absent = look(stranger, document), stranger.get("files/file-absent/pages/1/picture")
    assert foreign.status == 404 and foreign.content == absent.content
    knowledge_base_update(
        knowledge_base=world.knowledge_base([document]), personal_data="masked", actor=world.actor
    )
    assert look(api, document).error[:2] == (403, "original_withheld")
    page = world.browser().get(f"/documents/{document.id}").content.decode()
    assert "data-picture-withheld" in page and "data-picture=" not in page


@pytest.mark.parametrize("number", [0, PAGES + 1, 10**12, -1, "x", "１"])
def test_a_page_that_the_document_does_not_have_is_not_found(document, api, number):
    assert look(api, document, number).status == 404
    assert not PagePictures.objects.exists()


def test_other_files_have_none_and_an_earlier_revision_has_its_own(world, document, api):
    assert look(api, world.document("規則.txt")).error[:2] == (404, "no_page_picture")
    earlier = str(document.current_revision_id)
    world.read(world.upload(document.name, "新"), media_type="application/pdf", pages=1)
    assert look(api, document, PAGES).status == 404
    job = Job.objects.get(pk=look(api, document, PAGES, revision=earlier).body["job"])
    assert job.spec["revision_id"] == earlier
    assert look(api, world.document("別.txt"), 1, revision=earlier).status == 404


def test_what_cannot_be_drawn_says_why_and_is_tried_again_when_asked(document, api):
    job = look(api, document).body["job"]
    drawn(job, lacks=2)
    assert look(api, document, 1).status == 200
    refused = look(api, document, 2)
    assert refused.error[:2] == (409, "page_not_drawn") and refused.headers["x-should-retry"] == "false"
    assert "damaged" in refused.content.decode()
    second = look(api, document, 2, again="true").body["job"]
    fail(Job.objects.get(pk=second), "page_pictures.system.parser_killed")
    assert second != job and look(api, document, 2).error[1] == "page_not_drawn"
    Job.objects.filter(pk=second).update(ended_at=timezone.now() - 2 * pictures.AGAIN_AFTER)
    assert look(api, document, 2).status == 202, "what failed in passing is tried again by itself"
    assert PagePictures.objects.count() == 1


def test_pictures_that_are_gone_are_drawn_again(document, api):
    """As after a restored backup, which has none."""
    drawn(look(api, document).body["job"])
    picture_path(PagePictures.objects.get(), 1).unlink()
    assert look(api, document).status == 202


def test_the_end_of_a_drawing_is_looked_for_at_once(document, api, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(pictures.queue, "send", sent.append)
    job = begin(Job.objects.get(pk=look(api, document).body["job"]))
    look(api, document)
    assert "jobs.reconcile" not in sent
    job.run_dir.mkdir(parents=True)
    RunFolder(job.run_dir).result.write_text("{}")
    look(api, document)
    assert "jobs.reconcile" in sent


def test_pictures_go_with_their_document_with_time_and_with_too_many_bytes(world, document, api, settings):
    drawn(look(api, document).body["job"])
    drawn(look(api, document, PAGES).body["job"], [PAGES - 1, PAGES])
    first, second = PagePictures.objects.order_by("first")
    folders = [picture_path(each, each.first).parent for each in (first, second)]
    PagePictures.objects.filter(pk=first.pk).update(looked_at=timezone.now() - timedelta(days=2))
    page_pictures_sweep()
    assert all(folder.is_dir() for folder in folders)
    with every_organization("test"):
        assert not [item.path for item in inventory() if PICTURES in item.path], "no backup has them"
    settings.KOSHA_PAGE_PICTURE_BYTES = 150
    page_pictures_sweep()
    assert [folder.is_dir() for folder in folders] == [False, True], "the one looked at longest ago"
    settings.KOSHA_PAGE_PICTURE_DAYS = 1
    PagePictures.objects.update(looked_at=timezone.now() - timedelta(days=2))
    look(api, document, PAGES)
    page_pictures_sweep()
    assert folders[1].is_dir(), "a look counts"
    document_delete(document_id=document.id, actor=world.actor)
    pictures.pictures_erase(document)
    assert not folders[1].exists() and not PagePictures.objects.exists()
