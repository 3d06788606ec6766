"""What is said of each part, for every answer of the probes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from common.disk import Disk
from health.components import Name, Report
from health.judging import judge
from health.probes import BrokerFacts, Silent, Slow, Unreachable
from health.selectors import DatabaseFacts, Queue, Signs
from health.words import OUTAGES, PARTS, REMEDIES, banner_digest, outages_of
from workers.contract.specs.serving import Health

NOW = datetime(2026, 11, 26, tzinfo=UTC)
GIB = 1 << 30


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def signs(beat: float | None = 1, worker: float | None = 1) -> Signs:
    return Signs(NOW, None if beat is None else ago(beat), () if worker is None else (ago(worker),))


def database(signs: Signs = signs(), **queue) -> DatabaseFacts:
    facts = {
        "oldest_waiting": None,
        "oldest_unfinalized": None,
        "waits_for_disk": False,
        "waits_for_workers": False,
        **queue,
    }
    return DatabaseFacts(0, signs, Queue(**facts))


WELL = {
    Name.DATABASE: database(),
    Name.BROKER: BrokerFacts(0, False),
    Name.STORAGE: Disk(100 * GIB, 50 * GIB, GIB, 2 * GIB),
    Name.MODEL_SERVER: Health(status="ok", queue=1),
}


def report(**answers) -> Report:
    return Report(judge({**WELL, **{Name(name): answer for name, answer in answers.items()}}), 0.0)


def said(name: str, **answers) -> tuple[str, str]:
    component = report(**answers).get(Name(name))
    return component.status.value, component.code


def test_all_is_well():
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
        ({"database": DatabaseFacts(2, None, None)}, "migrations", ("down", "pending")),
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
    ],
)
def test_each_part_tells_the_truth(answers, name, expected):
    assert said(name, **answers) == expected
    assert report(**answers).status == ("ok" if expected[0] == "ok" else "degraded")


NONE, PILE = BrokerFacts(0, False), BrokerFacts(40, False)


@pytest.mark.parametrize(
    ("seen", "broker", "workers", "beat"),
    [
        (signs(1, 1), NONE, ("ok", ""), ("ok", "")),
        # A new installation does not lie.
        (signs(None, None), NONE, ("unknown", "not_seen_yet"), ("unknown", "not_seen_yet")),
        # Nobody rings: beat is gone, and of the workers nothing is known.
        (signs(60, 60), NONE, ("unknown", "beat_away"), ("down", "silent")),
        # Rings pile up: the workers are gone, and beat cannot be told.
        (signs(60, 60), PILE, ("down", "silent"), ("unknown", "workers_away")),
        # A request rang, so workers live while beat does not.
        (signs(60, 1), NONE, ("ok", ""), ("down", "silent")),
        (signs(60, 60), Unreachable(), ("unknown", "broker_away"), ("unknown", "broker_away")),
    ],
)
def test_where_the_chain_is_broken(seen, broker, workers, beat):
    answers = {"database": database(seen), "broker": broker}
    assert said("workers", **answers) == workers
    assert said("beat", **answers) == beat


def test_a_part_is_down_since_it_was_last_seen():
    found = report(database=database(signs(60, 60)), broker=PILE)
    assert found.get(Name.WORKERS).since == ago(60)


def test_only_what_the_web_cannot_do_without_makes_it_unready():
    assert not report(database=Unreachable()).is_ready
    assert not report(database=DatabaseFacts(1, None, None)).is_ready
    assert report(broker=Silent(), storage=Silent(), model_server=Silent()).is_ready
    assert report(database=Slow()).is_ready


def test_every_part_and_every_reason_is_worded():
    assert set(PARTS) == set(Name)
    assert set(OUTAGES) == set(Name) - {Name.QUEUE, Name.REPLICATION}
    seen = [
        report(database=answer, broker=broker, storage=storage, model_server=model)
        for answer in (Unreachable(), Silent(), Slow(), DatabaseFacts(1, None, None), database(signs(60, 60)),
                       database(signs(None, None)), database(oldest_waiting=99), database(waits_for_disk=True), database(waits_for_workers=True),
                       database(oldest_unfinalized=99))
        for broker in (Unreachable(), Silent(), PILE, NONE, BrokerFacts(0, True))
        for storage in (Unreachable(), Silent(), Disk(9, 1, 2, 3), Disk(9, 2, 1, 3))
        for model in (Unreachable(), Silent(), Health(status="starting"), Health(status="ok", queue=60))
    ]  # fmt: skip
    reasons = {(one.name, one.code) for found in seen for one in found.components if one.code}
    assert reasons == set(REMEDIES)


def test_a_storage_that_is_away_is_not_called_a_full_disk():
    """Who reads that deletes documents, while a mount is what is missing."""
    (away,) = outages_of(report(storage=Silent()))
    (full,) = outages_of(report(storage=Disk(100 * GIB, 0, GIB, 2 * GIB)))
    assert (full.what, full.lost, full.still) == OUTAGES[Name.STORAGE]
    assert str(away.what) != str(full.what)


def test_another_way_of_being_away_is_told_to_pages_that_are_open():
    """A disk that was full and is now gone needs other sentences."""
    full, away = (
        outages_of(report(storage=answer)) for answer in (Disk(100 * GIB, 0, GIB, 2 * GIB), Unreachable())
    )
    assert full[0].what != away[0].what
    assert banner_digest(full) != banner_digest(away)
    assert banner_digest(full) == banner_digest(outages_of(report(storage=Disk(90 * GIB, 1, GIB, 2 * GIB))))
