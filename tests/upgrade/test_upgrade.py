"""Every release's database, with jobs in flight, comes forward to this version and works on."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import call_command

from audit.chain import chain_verify
from audit.models import AuditHead
from backup import databases
from common.release import RELEASE
from common.tenancy import every_organization
from documents.models import Revision
from documents.selectors import pages_folder
from jobs.models import Job
from jobs.selectors import understood
from jobs.transitions import ACTIVE, JobState
from releases.models import Deployment
from tests.backup.conftest import Place, database
from tests.orchestration.null_launcher import NullLauncher
from tests.upgrade.make_fixture import COUNTS, DUMP, FIXTURES, STORAGE, count_rows
from training.models import Checkpoint
from workers.contract.artifacts import verify_manifest
from workers.contract.specs.curation import CurationSpec
from workers.contract.specs.evaluation import EvaluationSpec
from workers.contract.specs.export import ExportSpec
from workers.contract.specs.ingest import IngestBatchSpec
from workers.contract.specs.page_pictures import PagePicturesSpec
from workers.contract.specs.retrieval import RetrievalSpec
from workers.contract.specs.sync import SyncSpec
from workers.contract.specs.training import TrainingSpec
from workers.orchestration.dispatch import run_of
from workers.orchestration.launchers.base import Exited
from workers.orchestration.reconcile import reconcile

pytestmark = pytest.mark.slow

RELEASES = sorted(path.name for path in FIXTURES.iterdir())
UNUSED = {"auth_group", "auth_group_permissions"}
"""Django's own, which Kosha does not use."""
SPECS = {
    "ingest": IngestBatchSpec,
    "page_pictures": PagePicturesSpec,
    "curation": CurationSpec,
    "training": TrainingSpec,
    "evaluation": EvaluationSpec,
    "retrieval": RetrievalSpec,
    "sync": SyncSpec,
    "export": ExportSpec,
}


@dataclass
class Upgraded:
    release: str
    place: Place
    before: dict[str, int]


@pytest.fixture(scope="module", params=RELEASES)
def installation(request, tmp_path_factory, django_db_blocker) -> Iterator[Upgraded]:
    """The installation of that release after `migrate`; the tests below change it in their order."""
    fixture = FIXTURES / request.param
    var = tmp_path_factory.mktemp("upgraded")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress((fixture / STORAGE).read_bytes()))) as archive:
        archive.extractall(var / "storage", filter="data")
    with django_db_blocker.unblock(), database() as name:
        place = Place(var, name)
        with place.here():
            load(gzip.decompress((fixture / DUMP).read_bytes()))
            call_command("migrate", verbosity=0)
            yield Upgraded(request.param, place, json.loads((fixture / COUNTS).read_text()))


@pytest.fixture
def upgraded(installation, settings) -> Upgraded:
    settings.KOSHA_STORAGE_ROOT = installation.place.var / "storage"
    return installation


def load(statements: bytes) -> None:
    program = databases.find_tool("psql", databases.server_major())
    options = ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
    done = subprocess.run(
        [program, *options], env=databases.tool_environment(), input=statements, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()


def in_state(state: JobState) -> list[Job]:
    with every_organization("test"):
        return list(Job.objects.filter(state=state))


def test_this_release_has_its_fixture():
    assert RELEASE in RELEASES, "run `python -m tests.upgrade.make_fixture` and keep what it writes"


@pytest.mark.parametrize("release", RELEASES)
def test_fixture_fills_every_table_and_job_state(release):
    counts = json.loads((FIXTURES / release / COUNTS).read_text())
    assert {table for table, count in counts.items() if count == 0} <= UNUSED
    dump = gzip.decompress((FIXTURES / release / DUMP).read_bytes()).decode()
    jobs = dump.split("COPY public.jobs_job ", 1)[1].split("\\.\n", 1)[0]
    assert [state for state in JobState.values if f"\t{state}\t" not in jobs] == []


def test_no_row_is_lost(upgraded):
    after = count_rows(upgraded.place.rows)
    lost = {table: count for table, count in upgraded.before.items() if after.get(table, 0) < count}
    assert lost == {}


def test_new_tables_have_rows_in_this_releases_fixture(upgraded):
    """An upgrade that no row has gone through is not tested: a table may be named as `UNUSED` instead."""
    if upgraded.release != RELEASE:
        pytest.skip("an earlier release cannot have the tables of later ones")
    empty = {table for table in count_rows(upgraded.place.rows) if not upgraded.before.get(table)}
    assert empty - UNUSED == set(), "fill them in tests/upgrade/make_fixture.py and run it"


def test_jobs_without_a_release_are_run_by_this_one(upgraded):
    """Their specs are old and the workers new: they are not left to a newer release."""
    with every_organization("test"):
        assert not Job.objects.exclude(release__in=["", upgraded.release]).exists()
        assert understood(Job.objects.all()).count() == Job.objects.count() > 0


def test_the_audit_trail_is_unbroken(upgraded):
    heads = list(AuditHead.objects.values_list("pk", flat=True))
    assert heads and [chain_verify(head).broken for head in heads] == [None] * len(heads)


def test_every_spec_is_understood_and_names_files_of_this_place(upgraded):
    with every_organization("test"):
        jobs = list(Job.objects.all())
    assert {job.kind for job in jobs} == set(SPECS)
    for job in jobs:
        SPECS[job.kind].model_validate(job.spec)
    specs = [part for job in jobs for part in (job.spec, *job.spec.get("files", ()))]
    originals = [Path(part["path"]) for part in specs if "path" in part]
    assert originals and all(path.is_relative_to(upgraded.place.var) and path.exists() for path in originals)


def test_parsed_and_published_content_is_there(upgraded):
    with every_organization("test"):
        read = list(Revision.objects.exclude(manifest_sha256=""))
        assert read
        for revision in read:
            verify_manifest(pages_folder(revision), revision.manifest_sha256)
        assert Deployment.objects.filter(alias="production").exists()


def test_jobs_in_flight_continue(upgraded):
    """A stopped installation left their engines stopped: they are tried again, paused, or cancelled."""
    before = {state: [job.id for job in in_state(state)] for state in JobState}
    launcher = NullLauncher()
    for state in ACTIVE:
        for job in in_state(state):
            launcher.end(run_of(job), Exited(143))
    with every_organization("test"):
        # Room for all of them, so that each must start.
        Job.objects.exclude(state__in=ACTIVE).update(cpus=0, gpus=0, memory_bytes=0, light=0)
        Job.objects.filter(state__in=ACTIVE).update(cpus=0, gpus=0, memory_bytes=0, light=0)
        reconcile({"local": launcher})
        reconcile({"local": launcher})
        now = {job.id: job for job in Job.objects.all()}
    for id in [*before[JobState.QUEUED], *before[JobState.STARTING], *before[JobState.RUNNING]]:
        assert now[id].state == JobState.RUNNING, (id, now[id].state)
    assert {now[id].losses for id in before[JobState.RUNNING]} == {0}
    assert {now[id].state for id in [*before[JobState.PAUSING], *before[JobState.PAUSED]]} == {
        JobState.PAUSED
    }
    assert {now[id].state for id in before[JobState.CANCELLING]} == {JobState.CANCELLED}
    assert all(now[id].finalized_at is not None for id in before[JobState.SUCCEEDED])


def test_run_gets_its_checkpoints_again(upgraded):
    with every_organization("test"):
        rows = list(Checkpoint.objects.order_by("step"))
        assert [row.step for row in rows] == [2, 4]
        for row in rows:
            assert verify_manifest(Path(row.path))["facts"]["step"] == row.step
