"""The audit trail: changes of the chain are detected, and every change of data has its event."""

from __future__ import annotations

import ast
import threading
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from audit import chain as audit_chain
from audit.chain import chain_verify
from audit.models import AuditEvent, AuditHead
from audit.services import SYSTEM, audit_record
from common.tenancy import organization_scope

ORGANIZATION = "org_x"


def record(action: str = "thing.done", **data) -> AuditEvent:
    with transaction.atomic():
        return audit_record(
            organization_id=ORGANIZATION,
            actor=SYSTEM,
            action=action,
            target_type="thing",
            target_id="thing_1",
            data=data,
        )


def commit_chain() -> None:
    """Link the events into their chain, as the end of a transaction does."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def tamper(sql: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_event_guard")
        cursor.execute(sql, values)
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_event_guard")


@pytest.fixture
def chain(db):
    for number in range(4):
        record(number=number, name="規程", share=1e30, nested={"b": [1, None], "a": True})
    commit_chain()
    with organization_scope(ORGANIZATION):
        return list(AuditEvent.objects.order_by("sequence"))


def test_verifies_an_unchanged_chain(chain):
    assert [event.sequence for event in chain] == [1, 2, 3, 4]
    assert chain[1].previous_hash == chain[0].hash
    assert chain_verify(ORGANIZATION).broken is None
    assert chain_verify("org_empty").broken is None


def test_events_added_during_verification_do_not_break_the_chain(chain, monkeypatch):
    """After a restore jobs continue while the trail is verified."""
    read_head = audit_chain._head

    def and_add_another(organization_id: str):
        head = read_head(organization_id)
        record()
        commit_chain()
        return head

    monkeypatch.setattr(audit_chain, "_head", and_add_another)
    assert chain_verify(ORGANIZATION).broken is None
    monkeypatch.undo()
    assert chain_verify(ORGANIZATION).broken is None
    tamper("DELETE FROM audit_auditevent WHERE sequence = 6")
    assert chain_verify(ORGANIZATION).broken == 6


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE audit_auditevent SET action = 'thing.undone' WHERE sequence = 2", 2),
        ("UPDATE audit_auditevent SET data = '{}' WHERE sequence = 3", 3),
        ("UPDATE audit_auditevent SET created_at = created_at + interval '1 s' WHERE sequence = 1", 1),
        ("UPDATE audit_auditevent SET actor_id = 'user_other' WHERE sequence = 4", 4),
        ("DELETE FROM audit_auditevent WHERE sequence = 2", 2),
        ("DELETE FROM audit_auditevent WHERE sequence = 4", 4),
    ],
)
def test_finds_the_changed_event(chain, sql, found):
    tamper(sql)
    assert chain_verify(ORGANIZATION).broken == found


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_database_refuses_to_change_an_event(chain, verb):
    with (
        organization_scope(ORGANIZATION),
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
    ):
        rows = AuditEvent.objects.all()
        rows.update(action="x") if verb == "update" else rows.delete()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("also", ["", ", audit_audithead"])
def test_database_refuses_to_truncate_the_trail(also):
    with organization_scope(ORGANIZATION):
        record()
    with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE audit_auditevent{also}")
    with organization_scope(ORGANIZATION):
        assert AuditEvent.objects.count() == 1
    assert chain_verify(ORGANIZATION).broken is None
    assert chain_verify(ORGANIZATION).broken is None


def test_event_needs_the_transaction_of_its_change(transactional_db):
    with pytest.raises(RuntimeError, match="inside the transaction"):
        audit_record(organization_id=ORGANIZATION, actor=SYSTEM, action="x", target_type="x", target_id="x")


def test_concurrent_events_form_one_chain(transactional_db):
    def write():
        try:
            record()
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AuditHead.objects.get().sequence == 8
    assert chain_verify(ORGANIZATION).broken is None


def test_organizations_do_not_see_each_others_events(world, api):
    world.upload()
    record("foreign.action")
    commit_chain()
    actions = {event["action"] for event in api.get("audit_events", limit=100).ok["data"]}
    assert "document.uploaded" in actions and "foreign.action" not in actions
    filtered = api.get("audit_events", action="document.uploaded").ok["data"]
    assert [event["action"] for event in filtered] == ["document.uploaded"]
    assert chain_verify(world.organization.id).broken is None


# Writes that follow a recorded event (the end of a job, a step of a schedule's run), or that call a service which
# records one.
FOLLOW = {
    "documents.services.document_upload",
    "documents.uploads.upload_complete",
    "documents.uploads.upload_part_add",
    "retrieval.services.batch_create",
    "retrieval.services.revisions_ready",
    "retrieval.services.index_build_again",
    "retrieval.services.index_build_if_needed",
    "training.services.checkpoint_record",
    "training.services.training_run_control",
    "releases.services.model_version_delete",
    "schedules.services.schedules_fire_due",
    "pipelines.services.pipeline_run_start",
    "pipelines.services.pipeline_run_stop",
}
APPS = [
    "accounts",
    "documents",
    "curation",
    "registry",
    "training",
    "evaluations",
    "retrieval",
    "releases",
    "pipelines",
    "schedules",
]


def public_writes(repository: Path):
    for app in APPS:
        for name in ("services", "uploads"):
            path = repository / "platform" / app / f"{name}.py"
            if path.exists():
                tree = ast.parse(path.read_text(encoding="utf-8"))
                functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
                yield f"{app}.{name}", {each.name: each for each in functions}


def calls(function: ast.FunctionDef) -> set[str]:
    return {
        node.func.id
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


RECORDERS = {"audit_record", "_audit", "_change", "_revision_add", "_decide"}


def test_every_service_with_an_actor_records_an_event(repository):
    silent = [
        f"{module}.{name}"
        for module, functions in public_writes(repository)
        for name, function in functions.items()
        if not name.startswith("_")
        and any(argument.arg == "actor" for argument in function.args.kwonlyargs)
        and not calls(function) & RECORDERS
    ]
    assert sorted(set(silent) - FOLLOW) == []


def test_every_service_is_atomic_or_hands_over(repository):
    """An event written outside the transaction of its change would raise; a change outside it would stay."""
    for _module, functions in public_writes(repository):
        for name, function in functions.items():
            if calls(function) & {"audit_record", "_audit"} and not name.startswith("_"):
                source = ast.unparse(function)
                assert "transaction.atomic" in source, name
