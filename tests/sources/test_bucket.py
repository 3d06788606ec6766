"""A bucket of a real S3-compatible server is kept as documents; its secret key is in no file and no row in clear."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit.models import AuditEvent
from common.storage import runs_root
from documents.selectors import document_list
from jobs.models import Job, JobEvent
from sources.applying import sources_advance
from sources.models import Source, Sync
from sources.places import BucketPlace
from sources.services import source_create, sync_start
from tests.s3_server import BUCKET, READER, WRITER, s3_server
from tests.sources.conftest import run_engine
from workers.contract.specs.sync import SECRET_VARIABLE, BucketOrigin
from workers.engines.sync.bucket import Bucket
from workers.engines.sync.origins import Found, Passing
from workers.orchestration.launchers.local.launcher import LocalLauncher
from workers.orchestration.reconcile import reconcile

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


class Shelf:
    """A folder of the bucket, and a source of it."""

    def __init__(self, world, server, prefix: str) -> None:
        self.world, self.server, self.prefix = world, server, prefix
        self.source: Source = source_create(
            name="棚", place=self.place(), secret=READER[1], interval_minutes=0, actor=world.actor
        )

    def place(self, **other: str) -> BucketPlace:
        given = {"bucket": BUCKET, "prefix": self.prefix, "access_key": READER[0]}
        return BucketPlace(**{"endpoint": self.server.endpoint, **given, **other})

    def put(self, name: str, content: str) -> None:
        data = content.encode()
        self.server.client.put_object(BUCKET, f"{self.prefix}/{name}", io.BytesIO(data), len(data))

    def remove(self, name: str) -> None:
        self.server.client.remove_object(BUCKET, f"{self.prefix}/{name}")

    def refusal(self, monkeypatch, place: BucketPlace, secret: str) -> str:
        """The code of the error of a sync of that place."""
        source = source_create(
            name="他", place=place, secret=secret, interval_minutes=0, actor=self.world.actor
        )
        sync = source.syncs.get()
        monkeypatch.setenv(SECRET_VARIABLE, secret)
        run_engine(sync)
        sync.refresh_from_db()
        return sync.error_code

    def sync(self, monkeypatch) -> Sync:
        waiting = self.source.syncs.filter(state="building").first()
        sync = waiting or sync_start(source=self.source, actor=self.world.actor)
        monkeypatch.setenv(SECRET_VARIABLE, READER[1])
        run_engine(sync)
        sources_advance()
        return Sync.objects.get(pk=sync.id)


@pytest.fixture
def shelf(world, server, settings, request) -> Shelf:
    settings.KOSHA_BUCKET_HOSTS = ("127.0.0.1",)
    return Shelf(world, server, request.node.name.partition("[")[0])


def documents() -> dict[str, int]:
    return {each.name: each.current_revision.number for each in document_list()}


def counts(sync: Sync) -> tuple[int, ...]:
    return (sync.new, sync.changed, sync.removed, sync.unchanged)


def test_new_changed_removed_and_unchanged_objects(shelf, monkeypatch):
    for name, content in {"総務/規程 1.txt": "第1条", "a+b&c.txt": "a", "b.txt": "b", "c.exe": "c"}.items():
        shelf.put(name, content)
    assert counts(shelf.sync(monkeypatch)) == (3, 0, 0, 0)
    assert documents() == {"棚/総務/規程 1.txt": 1, "棚/a+b&c.txt": 1, "棚/b.txt": 1}
    # The same bytes once more have the same ETag; others of the same size have another.
    shelf.put("b.txt", "b")
    shelf.put("a+b&c.txt", "A")
    shelf.remove("総務/規程 1.txt")
    sync = shelf.sync(monkeypatch)
    assert counts(sync) == (0, 1, 1, 1) and sync.result["fetched_bytes"] == 1
    assert documents() == {"棚/a+b&c.txt": 2, "棚/b.txt": 1}


def test_a_listing_of_several_pages(shelf, monkeypatch):
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: shelf.put(f"{number}.txt", "x"), range(1001)))
    monkeypatch.setattr("sources.services.BATCH_FILES", 1)
    shelf.sync(monkeypatch)
    assert Sync.objects.order_by("id").first().result["listed"] == 1001


BAD = {
    "another secret": ({}, "x", "access_denied"),
    "another key": ({"access_key": "nobody"}, READER[1], "access_denied"),
    "a bucket that may not be read": ({"bucket": "others"}, READER[1], "access_denied"),
    "a bucket that does not exist": (
        {"bucket": "others", "access_key": WRITER[0]},
        WRITER[1],
        "bucket_missing",
    ),
    "no server": ({"endpoint": "http://127.0.0.1:1"}, READER[1], "source_unreachable"),
    "no secret": ({}, "", "secret_missing"),
}


@pytest.mark.parametrize(("other", "secret", "code"), BAD.values(), ids=BAD)
def test_what_stands_in_the_way_has_its_code(shelf, monkeypatch, other, secret, code):
    shelf.put("a.txt", "a")
    assert shelf.refusal(monkeypatch, shelf.place(**other), secret) == f"sync.user.{code}"


OWN = ("http://127.0.0.1:{port}", "http://localhost:{port}", "http://[::1]:{port}", "http://169.254.169.254")


@pytest.mark.parametrize("endpoint", OWN)
def test_the_machine_itself_is_refused_unless_its_operator_allows_it(shelf, monkeypatch, settings, endpoint):
    settings.KOSHA_BUCKET_HOSTS = None
    port = shelf.server.endpoint.rpartition(":")[2]
    place = shelf.place(endpoint=endpoint.format(port=port))
    assert shelf.refusal(monkeypatch, place, READER[1]) == "sync.user.endpoint_refused"


def test_an_object_that_is_replaced_while_it_is_listed_waits_for_the_next_sync(shelf, monkeypatch):
    shelf.put("a.txt", "a")
    monkeypatch.setenv(SECRET_VARIABLE, READER[1])
    origin = BucketOrigin(**shelf.source.place, allowed_hosts=("127.0.0.1",))
    bucket = Bucket(origin)
    (found,) = bucket.files()
    for other in (Found("a.txt", 1, f"{'0' * 32}:1"), Found("gone.txt", 1, found.mark)):
        with pytest.raises(Passing), bucket.open(other):
            pass
    with bucket.open(found) as chunks:
        assert b"".join(chunks) == b"a"


def test_the_secret_key_is_in_no_file_and_no_row(shelf, server, storage):
    """With a real engine, which gets it in its environment alone."""
    shelf.put("a.txt", "a")
    sync = shelf.source.syncs.get()
    deadline = time.monotonic() + 60
    while Job.objects.get(pk=sync.job_id).finalized_at is None:
        assert time.monotonic() < deadline, Job.objects.get(pk=sync.job_id).state
        reconcile({"local": LocalLauncher(runs_root())})
        time.sleep(0.05)
    sources_advance()
    assert documents() == {"棚/a.txt": 1}
    for path in Path(storage).rglob("*"):
        if path.is_file():
            assert READER[1].encode() not in path.read_bytes(), path
    for model in (Source, Sync, Job, JobEvent, AuditEvent):
        assert READER[1] not in repr(list(model.objects.values())), model
