"""What is reported of each part, for every answer of the probes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.selectors import MailState
from audit.selectors import TrailState
from common.disk import Disk
from health.parts import FINDINGS, OUTAGES, PARTS, Name
from health.probes import BrokerFacts, Silent, Slow, Unreachable
from health.report import Report, judge
from health.selectors import DatabaseFacts, PendingMigrations
from health.shown import banner_digest, outages_of
from workers.contract.specs.serving import Health

NOW = datetime(2026, 11, 26, tzinfo=UTC)
GIB = 1 << 30


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def trail(*, verified: float | None = 10, broken: int | None = None, is_empty: bool = False) -> TrailState:
    verified_at = None if verified is None else ago(verified)
    return TrailState(120, 0 if broken is None else 1, broken, verified_at, is_empty)


def database(beat: float | None = 1, worker: float | None = 1, **facts) -> DatabaseFacts:
    """`beat` and `worker`: seconds since they were seen."""
    ordinary = {
        "now": NOW,
        "beat": None if beat is None else ago(beat),
        "workers": () if worker is None else (ago(worker),),
        "oldest_waiting": None,
        "oldest_unfinalized": None,
        "waits_for_disk": False,
        "waits_for_workers": False,
        "trail": trail(),
        "parser_isolations": (),
        "ocr_engines": (),
        "mail": MailState(True, 0, None),
    }
    return DatabaseFacts(**{**ordinary, **facts})


WELL = {
    Name.DATABASE: database(),
    Name.BROKER: BrokerFacts(0, False),
    Name.STORAGE: Disk(100 * GIB, 50 * GIB, GIB, 2 * GIB),
    Name.MODEL_SERVER: Health(status="ok", queue=1),
}


def report(**answers) -> Report:
    return Report(tuple(judge({**WELL, **{Name(name): answer for name, answer in answers.items()}})), 0.0)


def said(name: str, **answers) -> tuple[str, str]:
    component = report(**answers).get(Name(name))
    return component.status.value, component.code


def test_working_parts_are_ok():
    found = report()
    assert (found.status, found.is_ready, outages_of(found)) == ("ok", True, [])
    assert [component.name for component in found.components] == list(Name)
    assert found.get(Name.REPLICATION).status == "none"


@pytest.mark.parametrize(
    ("answers", "name", "expected"),
    [
        ({"database": Unreachable()}, "database", ("down", "unreachable")),
        ({"database": Silent()}, "database", ("down", "silent")),
        ({"database": Silent()}, "workers", ("unknown", "database_away")),
        ({"database": Silent()}, "queue", ("unknown", "database_away")),
        ({"database": Slow()}, "database", ("degraded", "busy")),
        ({"database": Slow()}, "migrations", ("unknown", "database_busy")),
        ({"database": Slow()}, "workers", ("unknown", "database_busy")),
        ({"database": Slow()}, "queue", ("unknown", "database_busy")),
        ({"database": PendingMigrations(2)}, "migrations", ("down", "pending")),
        ({"broker": Unreachable()}, "broker", ("down", "unreachable")),
        ({"broker": BrokerFacts(3, True)}, "broker", ("degraded", "full")),
        ({"storage": Unreachable()}, "storage", ("down", "unreachable")),
        ({"storage": Disk(9 * GIB, GIB, 2 * GIB, 3 * GIB)}, "storage", ("down", "full")),
        ({"storage": Disk(9 * GIB, 2 * GIB, GIB, 3 * GIB)}, "storage", ("degraded", "low")),
        ({"model_server": Unreachable()}, "model_server", ("down", "unreachable")),
        ({"model_server": Silent()}, "model_server", ("down", "silent")),
        ({"model_server": Health(status="starting")}, "model_server", ("degraded", "starting")),
        ({"model_server": Health(status="ok", queue=60)}, "model_server", ("degraded", "busy")),
        ({"database": database(oldest_waiting=31)}, "queue", ("degraded", "waiting_long")),
        ({"database": database(oldest_waiting=29)}, "queue", ("ok", "")),
        ({"database": database(oldest_unfinalized=61)}, "queue", ("degraded", "unfinalized")),
        ({"database": database(waits_for_workers=True)}, "queue", ("degraded", "waits_for_workers")),
        ({"database": database(waits_for_disk=True)}, "queue", ("degraded", "waits_for_disk")),
        ({"database": database(trail=trail(broken=17))}, "audit", ("degraded", "broken")),
        ({"database": database(trail=trail(verified=1801))}, "audit", ("degraded", "overdue")),
        ({"database": database(trail=trail(verified=1799))}, "audit", ("ok", "")),
        ({"database": database(trail=trail(verified=None))}, "audit", ("unknown", "not_verified_yet")),
        ({"database": database(trail=trail(verified=None, is_empty=True))}, "audit", ("ok", "")),
        ({"database": Silent()}, "audit", ("unknown", "database_away")),
        (
            {"database": database(parser_isolations=("namespaces", "limits"))},
            "parsers",
            ("degraded", "limits_only"),
        ),
        ({"database": database(parser_isolations=("system_calls",))}, "parsers", ("ok", "")),
        ({"database": database(ocr_engines=("none",))}, "parsers", ("ok", "")),
        ({"database": database()}, "parsers", ("ok", "")),
        ({"database": Silent()}, "parsers", ("unknown", "database_away")),
        ({"database": Slow()}, "audit", ("unknown", "database_busy")),
        ({"database": database(mail=MailState(True, 2, ago(600)))}, "mail", ("degraded", "not_taken")),
    ],
)
def test_each_answer_gives_its_status_and_code(answers, name, expected):
    assert said(name, **answers) == expected
    assert report(**answers).status == ("ok" if expected[0] == "ok" else "degraded")


NONE, PILE = BrokerFacts(0, False), BrokerFacts(40, False)


@pytest.mark.parametrize(
    ("seen", "broker", "workers", "beat"),
    [
        ((1, 1), NONE, ("ok", ""), ("ok", "")),
        # A new installation.
        ((None, None), NONE, ("unknown", "not_seen_yet"), ("unknown", "not_seen_yet")),
        # No tasks arrive: beat has stopped, and the state of the workers is not known.
        ((60, 60), NONE, ("unknown", "beat_away"), ("down", "silent")),
        # Tasks pile up: the workers have stopped, and the state of beat is not known.
        ((60, 60), PILE, ("down", "silent"), ("unknown", "workers_away")),
        # A request sent a task, so a worker was seen while beat was not.
        ((60, 1), NONE, ("ok", ""), ("down", "silent")),
        ((60, 60), Unreachable(), ("unknown", "broker_away"), ("unknown", "broker_away")),
    ],
)
def test_blames_the_process_that_stopped(seen, broker, workers, beat):
    answers = {"database": database(*seen), "broker": broker}
    assert said("workers", **answers) == workers
    assert said("beat", **answers) == beat


def test_installation_without_a_mail_server_works():
    found = report(database=database(mail=MailState(False, 0, None)))
    assert (found.status, found.get(Name.MAIL).status, found.get(Name.MAIL).code) == ("ok", "none", "not_set")


def test_part_is_down_since_it_was_last_seen():
    found = report(database=database(60, 60), broker=PILE)
    assert found.get(Name.WORKERS).since == ago(60)


def test_only_critical_parts_make_the_web_unready():
    assert not report(database=Unreachable()).is_ready
    assert not report(database=PendingMigrations(1)).is_ready
    assert report(broker=Silent(), storage=Silent(), model_server=Silent()).is_ready
    assert report(database=Slow()).is_ready


def test_every_part_and_every_code_has_its_texts():
    assert set(PARTS) == set(Name)
    silent = {Name.QUEUE, Name.AUDIT, Name.PARSERS, Name.MAIL, Name.REPLICATION}
    assert set(OUTAGES) == set(Name) - silent
    seen = [
        report(database=answer, broker=broker, storage=storage, model_server=model)
        for answer in (Unreachable(), Silent(), Slow(), PendingMigrations(1), database(60, 60),
                       database(None, None), database(oldest_waiting=99), database(waits_for_disk=True), database(waits_for_workers=True),
                       database(oldest_unfinalized=99), database(trail=trail(broken=1)), database(trail=trail(verified=9999)),
                       database(trail=trail(verified=None)), database(mail=MailState(True, 1, ago(9))), database(mail=MailState(False, 0, None)),
                       database(parser_isolations=("limits",)))
        for broker in (Unreachable(), Silent(), PILE, NONE, BrokerFacts(0, True))
        for storage in (Unreachable(), Silent(), Disk(9, 1, 2, 3), Disk(9, 2, 1, 3))
        for model in (Unreachable(), Silent(), Health(status="starting"), Health(status="ok", queue=60))
    ]  # fmt: skip
    reasons = {(one.name, one.code) for found in seen for one in found.components if one.code}
    assert reasons == set(FINDINGS)


def test_missing_storage_is_not_called_a_full_disk():
    """A person who reads that would delete documents, although a mount is missing."""
    (away,) = outages_of(report(storage=Silent()))
    (full,) = outages_of(report(storage=Disk(100 * GIB, 0, GIB, 2 * GIB)))
    assert (full.what, full.lost, full.still) == OUTAGES[Name.STORAGE]
    assert str(away.what) != str(full.what)


def test_open_pages_learn_that_an_outage_became_another_one():
    """A disk that was full and is now missing needs other sentences."""
    full, away = (
        outages_of(report(storage=answer)) for answer in (Disk(100 * GIB, 0, GIB, 2 * GIB), Unreachable())
    )
    assert full[0].what != away[0].what
    assert banner_digest(full) != banner_digest(away)
    assert banner_digest(full) == banner_digest(outages_of(report(storage=Disk(90 * GIB, 1, GIB, 2 * GIB))))
