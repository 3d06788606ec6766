"""The scheduled verification: it reads the new events, makes periodic full passes, and reports the result."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audit import chain as audit_chain
from audit import services
from audit.models import AuditCheck
from audit.selectors import chain_state, trail_state
from audit.services import FULL_PASS, chains_verify
from health.selectors import database_facts
from tests.audit.test_audit import ORGANIZATION, commit_chain, record, tamper


@pytest.fixture
def events(db):
    """Appends events to the chain."""

    def append(count: int) -> None:
        for _ in range(count):
            record()
        commit_chain()

    return append


@pytest.fixture
def read(monkeypatch) -> list[int]:
    """The sequence of each event that a verification reads."""
    found: list[int] = []
    ordinary = audit_chain._events

    def noting(*arguments):
        rows = ordinary(*arguments)
        found.extend(row[0] for row in rows)
        return rows

    monkeypatch.setattr(audit_chain, "_events", noting)
    return found


def check() -> AuditCheck:
    return AuditCheck.objects.get(pk=ORGANIZATION)


def verify_again_from_the_start() -> None:
    AuditCheck.objects.update(passed_at=timezone.now() - FULL_PASS - timedelta(minutes=1))
    chains_verify()


def test_empty_trail_is_no_fault(db):
    chains_verify()
    assert trail_state().is_empty
    assert (trail_state().events, trail_state().broken_chains) == (0, 0)


def test_reads_new_events_only(events, read):
    events(5)
    chains_verify()
    assert read == [1, 2, 3, 4, 5]
    assert (check().sequence, check().broken_sequence) == (5, None)
    read.clear()
    chains_verify()
    assert read == []
    events(2)
    chains_verify()
    assert read == [6, 7]
    assert trail_state().events == 7


def test_chain_without_new_events_counts_as_verified_now(events):
    events(1)
    chains_verify()
    AuditCheck.objects.update(verified_at=timezone.now() - timedelta(hours=2))
    chains_verify()
    assert timezone.now() - check().verified_at < timedelta(minutes=1)


def test_long_chain_is_verified_in_pieces(events, read, monkeypatch):
    monkeypatch.setattr(services, "EVENTS_PER_RUN", 3)
    events(7)
    for reached in (3, 6, 7):
        chains_verify()
        assert check().sequence == reached
        assert (check().verified_at is not None) is (reached == 7)
    assert read == [1, 2, 3, 4, 5, 6, 7]


def test_full_pass_reads_everything_again_in_pieces(events, read, monkeypatch):
    events(7)
    chains_verify()
    monkeypatch.setattr(services, "EVENTS_PER_RUN", 3)
    passed = timezone.now() - FULL_PASS - timedelta(minutes=1)
    AuditCheck.objects.update(passed_at=passed)
    read.clear()
    for reached in (3, 6):
        chains_verify()
        assert (check().pass_sequence, check().sequence, check().passed_at) == (reached, 7, passed)
    chains_verify()
    assert read == [1, 2, 3, 4, 5, 6, 7]
    assert check().pass_sequence == 0 and check().passed_at > passed
    read.clear()
    chains_verify()
    assert read == []


CHANGED = "UPDATE audit_auditevent SET action = 'thing.undone' WHERE sequence = %s"
REMOVED = "DELETE FROM audit_auditevent WHERE sequence = %s"


@pytest.mark.parametrize("sql", [CHANGED, REMOVED])
def test_finds_a_break_in_new_events(events, sql, caplog):
    events(3)
    chains_verify()
    events(3)
    tamper(sql, 5)
    chains_verify()
    assert (check().sequence, check().broken_sequence) == (4, 5)
    assert f"the audit trail of {ORGANIZATION} is broken: event 5" in caplog.text
    caplog.clear()
    chains_verify()
    assert check().broken_sequence == 5 and "broken" not in caplog.text, "it is logged once"


@pytest.mark.parametrize("sql", [CHANGED, REMOVED])
def test_full_pass_finds_a_break_in_old_events(events, sql):
    events(6)
    chains_verify()
    tamper(sql, 2)
    chains_verify()
    assert check().broken_sequence is None
    verify_again_from_the_start()
    assert check().broken_sequence == 2
    chains_verify()
    assert check().broken_sequence == 2
    assert (trail_state().broken_chains, trail_state().broken_sequence) == (1, 2)


def test_finds_a_removed_end_at_once(events):
    """Also if the head of the chain was changed with it."""
    events(6)
    chains_verify()
    tamper("DELETE FROM audit_auditevent WHERE sequence >= %s", 5)
    chains_verify()
    assert check().broken_sequence == 5
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_audithead SET (sequence, hash) = "
            "(SELECT sequence, hash FROM audit_auditevent WHERE sequence = 4)"
        )
    chains_verify()
    assert check().broken_sequence == 5


def test_finds_a_rewritten_end_at_once(events):
    events(4)
    chains_verify()
    tamper("UPDATE audit_auditevent SET hash = %s WHERE sequence = 4", "f" * 64)
    chains_verify()
    assert check().broken_sequence == 4


def test_finds_a_head_that_was_removed(events):
    events(4)
    chains_verify()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_audithead")
    chains_verify()
    assert check().broken_sequence == 1


def test_verifies_a_repaired_chain(events):
    events(4)
    tamper(CHANGED, 3)
    chains_verify()
    assert check().broken_sequence == 3
    tamper("UPDATE audit_auditevent SET action = 'thing.done' WHERE sequence = %s", 3)
    chains_verify()
    assert (check().sequence, check().broken_sequence) == (4, None)


def test_health_reports_when_and_up_to_which_event(events):
    events(3)
    chains_verify()
    trail = database_facts().trail
    assert (trail.events, trail.broken_chains) == (3, 0)
    assert timezone.now() - trail.verified_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("language", "holds", "broken"),
    [
        ("en", "The chain holds up to entry", "entry 1 was changed or removed"),
        ("ja", "番のログまで", "1番のログが変更または削除"),
    ],
)
def test_pages_show_the_state_of_the_trail(live_world, language, holds, broken):
    client = live_world.browser(language=language)
    chains_verify()
    assert holds in client.get("/settings/audit").content.decode()
    AuditCheck.objects.filter(pk=live_world.organization.id).update(broken_sequence=1)
    assert chain_state(live_world.organization.id).broken_sequence == 1
    assert broken in client.get("/settings/audit").content.decode()
    health = client.get("/health").content.decode()
    assert 'data-component="audit"' in health
