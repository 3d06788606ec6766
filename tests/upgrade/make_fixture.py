"""Keeps what an installation of this release looks like, for the upgrades of later releases.

    python -m tests.upgrade.make_fixture

Writes `fixtures/<version>/`: the database as plain SQL, the storage, and how many rows each table had. Made
once for each release, when it is tagged, and never again: see docs/decisions/backup.md.
"""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command

import conftest  # noqa: F401 - starts the servers and sets Django up

FIXTURES = Path(__file__).parent / "fixtures"
DUMP, STORAGE, COUNTS = "database.sql.gz", "storage.tar.gz", "counts.json"


def main() -> None:
    from common.release import RELEASE
    from tests.backup.conftest import Place, database

    folder = FIXTURES / RELEASE
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, database() as created:
        place = Place(Path(name) / "var", created)
        (place.var / "storage").mkdir(parents=True)
        with place.here():
            call_command("migrate", verbosity=0)
            fill()
            (folder / DUMP).write_bytes(gzip.compress(plain_dump(), mtime=0))
        (folder / STORAGE).write_bytes(packed(place.var / "storage"))
        counts = count_rows(place.rows)
        (folder / COUNTS).write_text(json.dumps(counts, indent=1) + "\n")


def plain_dump() -> bytes:
    from backup import databases

    program = databases.find_tool("pg_dump", databases.server_major())
    options = ["--format=plain", "--no-owner", "--no-privileges"]
    done = subprocess.run(
        [program, *options], env=databases.tool_environment(), capture_output=True, check=True
    )
    return done.stdout


def packed(storage: Path) -> bytes:
    """The same bytes for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(path for path in storage.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(path.relative_to(storage).as_posix())
            entry.size, entry.mode = path.stat().st_size, 0o600
            with open(path, "rb") as file:
                archive.addfile(entry, file)
    return gzip.compress(buffer.getvalue(), mtime=0)


def count_rows(rows: Callable[[str], list[tuple]]) -> dict[str, int]:
    tables = rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return {table: rows(f'SELECT count(*) FROM "{table}"')[0][0] for (table,) in tables}


# -- an invented company ----------------------------------------------------------------------------
def fill() -> None:
    """Something in every table, and a job in every state."""
    from audit.services import chains_verify
    from tests.accounts.things import things
    from tests.backup.world_on_disk import write_manifests
    from tests.world import World

    with World("kakuu") as world:
        made = things(world, alias="production", base_model_name="gemma")
        people(world, made["message_id"])
        questions_and_pairs(world)
        pictures(world)
        file_of_a_source(world, made["source_id"])
        jobs_in_every_state(world)
    write_manifests()
    chains_verify()


def people(world, message_id: str) -> None:
    from django.contrib.sessions.backends.db import SessionStore
    from django.utils import timezone

    from accounts.models import AttemptCount, Group, Invitation, MailKind, OutgoingMail, PasswordLink
    from chat.models import Message
    from chat.services import feedback_set
    from health.services import tick_note
    from jobs.clusters import cluster_default
    from jobs.models import ClusterGrant
    from releases.models import ReleasePolicy

    group = Group.objects.create(name="総務部")
    world.person("owner")
    group.members.add(world.membership("owner"))
    now = timezone.now()
    AttemptCount.objects.create(key="d" * 64, failures=1, counted_at=now, free_at=now)
    PasswordLink.objects.create(user=world.person("owner"), sha256="e" * 64, expires_at=now)
    invitation = Invitation.objects.get()
    OutgoingMail.objects.get_or_create(
        invitation=invitation,
        defaults={"kind": MailKind.INVITATION, "email": invitation.email, "language": "ja"},
    )
    ReleasePolicy.objects.create(
        number=1,
        suite=world.suite(),
        actor_kind="user",
        actor_id=world.person("owner").id,
        actor_label="owner",
    )
    feedback_set(message=Message.objects.get(pk=message_id), helpful=True)
    ClusterGrant.objects.create(cluster=cluster_default())
    tick_note(worker="worker@kakuu", by_beat=True)
    session = SessionStore()
    session["language"] = "ja"
    session.create()


def pictures(world) -> None:
    from documents.pictures import page_pictures

    document = world.document("図.pdf", media_type="application/pdf")
    page_pictures(
        document=document,
        revision=document.current_revision,
        number=1,
        principal=world.principal(),
        actor=world.actor,
    )


def file_of_a_source(world, source_id: str) -> None:
    from sources.models import Source, SourceFile

    document = world.document("共有/規程.txt", "第1条 共有する。")
    sha256 = document.current_revision.sha256
    source = Source.objects.get(pk=source_id)
    SourceFile.objects.create(source=source, name="規程.txt", mark="m", sha256=sha256, document=document)


def questions_and_pairs(world) -> None:
    from curation.pairs import pair_create_generated, pair_create_written
    from curation.question_sets import question_add, question_set_create
    from workers.contract.records import Source, Span

    document = world.document("問.txt", "第1条 始業は9時とする。")
    source = Source(
        document_id=document.id,
        revision_id=document.current_revision_id,
        document_name=document.name,
        kind="page",
        number=1,
    )
    span = Span(source=source, start=0, end=3)
    questions = question_set_create(name="評価の質問", description="", actor=world.actor)
    question_add(
        question_set=questions, text="何条ですか。", accepted=["第1条"], spans=[span], actor=world.actor
    )
    pair_create_written(question="いつ始まりますか。", answer="9時です。", actor=world.actor)
    pair_create_generated(
        question="何条ですか。", answer="第1条です。", generator="test", span=span, actor=world.actor
    )


def jobs_in_every_state(world) -> None:
    """As a stopped installation leaves them: active ones with an engine that was stopped."""
    from jobs.models import Job
    from jobs.services import job_cancel, job_claim, job_pause, job_succeeded
    from jobs.transitions import ACTIVE
    from tests.backup.world_on_disk import write_checkpoint
    from tests.world import begin, fail, ingest_result
    from training.services import checkpoint_record
    from workers.contract.run_folder import RunFolder
    from workers.contract.specs.events import CheckpointSaved
    from workers.contract.specs.ingest import IngestResult

    world.upload("待.txt", "第1条 まだ待っている。")
    job_claim(job=Job.objects.get(pk=world.upload("始.txt", "第2条 始まった。").current_revision.job_id))
    running = begin(world.training_run().job)
    for step in (2, 4):
        path = write_checkpoint(running.run_dir, step)
        event = CheckpointSaved(
            sequence=step,
            time=float(step),
            step=step,
            path=f"checkpoints/{path.name}",
            manifest_sha256="d" * 64,
        )
        checkpoint_record(job=running, event=event)
    job_pause(job=begin(world.training_run().job), actor=world.actor)
    job_pause(job=world.training_run().job, actor=world.actor)
    job_cancel(job=begin(world.training_run().job), actor=world.actor)
    job_cancel(job=world.training_run().job, actor=world.actor)
    fail(world.training_run().job)
    read = world.upload("読.txt", "第3条 読み終えた。").current_revision
    ended = begin(read.job)
    files = {"pages.jsonl": '{"kind": "page", "number": 1, "text": "第3条", "tables": []}\n'}
    result = IngestResult(
        media_type="text/plain", pages=1, characters=3, sha256="d" * 64, manifest_sha256="d" * 64
    )
    assert job_succeeded(job=ended, result=ingest_result(ended, read, result, files))
    for job in Job.objects.filter(state__in=ACTIVE):
        RunFolder(job.run_dir).declare_stopped()


if __name__ == "__main__":
    main()
