"""The load's checks see what they are for: each is shown a history, a file or a sample that is wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.benchmarks.load.checks import repeated, wrong_history, wrong_jobs
from tests.benchmarks.load.clients import Change, Ledger
from tests.benchmarks.load.tally import ANSWERED, FAILED, Tally, percentile
from tests.benchmarks.load.watch import MEBIBYTE, Sample, Watch


def entry(action: str, release: str, previous: str | None, moment: float, client: str = "a") -> dict:
    return {
        "alias": "production",
        "action": action,
        "release": release,
        "previous": previous,
        "client": client,
        "moment": moment,
    }


def asked(action: str, release: str, moment: float, client: str = "a") -> Change:
    return Change(client, "production", action, release, moment - 0.1, moment + 0.1, True)


HISTORY = [
    entry("publish", "r1", None, 1),
    entry("publish", "r2", "r1", 2, "b"),
    entry("rollback", "r1", "r2", 3),
]
CHANGES = [asked("publish", "r1", 1), asked("publish", "r2", 2, "b"), asked("rollback", "r1", 3)]


def served(release: str) -> list[dict]:
    return [{"alias": "production", "release": release}]


def test_a_history_as_it_was_answered_is_right():
    assert wrong_history(HISTORY, served("r1"), CHANGES) == []
    again = asked("publish", "r2", 2.5, "c")
    assert wrong_history(HISTORY, served("r1"), [*CHANGES, again]) == [], "r2 was served at that moment"


@pytest.mark.parametrize(
    ("history", "current", "changes"),
    [
        (HISTORY, "r2", CHANGES),
        (HISTORY[:2], "r2", CHANGES),
        ([*HISTORY, entry("publish", "r3", "r1", 4)], "r3", CHANGES),
        ([HISTORY[0], HISTORY[1], entry("rollback", "r2", "r2", 3)], "r2", CHANGES),
        ([HISTORY[0], entry("publish", "r2", None, 2, "b"), HISTORY[2]], "r1", CHANGES),
        ([HISTORY[0], HISTORY[1], HISTORY[2], entry("rollback", "r1", "r1", 3.05)], "r1", CHANGES),
        (HISTORY, "r1", [*CHANGES, asked("publish", "r9", 5, "c")]),
    ],
    ids=["other served", "lost", "unasked", "wrong target", "not serial", "twice", "no trace"],
)
def test_a_history_that_is_not_as_it_was_answered_is_found(history, current, changes):
    assert wrong_history(history, served(current), changes)


def test_two_releases_of_an_alias_are_found():
    assert wrong_history(HISTORY, served("r1") * 2, CHANGES)


def test_a_second_job_of_a_key_is_found():
    ledger = Ledger()
    ledger.submissions["k"] = {"ftjob-1"}
    assert wrong_jobs([{"key": "k", "run": "ftjob-1"}], ledger) == []
    assert wrong_jobs([{"key": "k", "run": "ftjob-1"}, {"key": "k", "run": "ftjob-2"}], ledger)
    assert wrong_jobs([], ledger)
    assert repeated("key", {"k": {"ftjob-1", "ftjob-2"}})


def watch_of(memory: list[int], files: list[int] | None = None) -> Watch:
    watch = Watch()
    watch.samples["web"] = [
        Sample(float(second), value * MEBIBYTE, number)
        for second, (value, number) in enumerate(zip(memory, files or [20] * len(memory), strict=True))
    ]
    return watch


def test_memory_that_grows_after_the_warm_up_is_found():
    warmed_up = list(range(100, 160)) + [160] * 60
    assert watch_of(warmed_up).faults(10) == []
    assert watch_of(list(range(100, 220))).faults(10)
    assert watch_of([100] * 120, [20] * 60 + list(range(20, 140, 2))).faults(10)


def test_connections_beyond_the_pool_are_found():
    watch = Watch(connections=[Counter({"kosha web": 10, "kosha": 4})])
    assert watch.faults(10) == []
    watch.connections.append(Counter({"kosha web": 11}))
    assert watch.faults(10)
    assert Watch(connections=[Counter({"kosha": 30})]).faults(10)


def test_percentiles_are_of_the_nearest_rank():
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(list(range(1, 101)), 0.95) == 95
    assert percentile([7], 0.95) == 7


def test_the_table_counts_every_outcome():
    tally = Tally()
    tally.note("GET /x", ANSWERED, 0.5)
    tally.note("GET /x", FAILED, why="500 internal_error")
    assert "| `GET /x` | 1 | 0 | 0 | 0 | 1 | 500 | 500 |" in tally.table()
    assert tally.failures == Counter({"GET /x: 500 internal_error": 1})
