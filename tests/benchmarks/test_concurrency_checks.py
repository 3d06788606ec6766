"""Each check of the concurrency benchmark finds the violation that it is made for."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.benchmarks.concurrency.checks import repeated, wrong_history, wrong_jobs
from tests.benchmarks.concurrency.clients import Acknowledged, Change
from tests.benchmarks.concurrency.resources import MEBIBYTE, Resources, Sample
from tests.load.counters import Counters, Outcome, percentile


def entry(action: str, release: str, previous: str | None, moment: float, client: str = "a") -> dict:
    return {
        "alias": "production",
        "action": action,
        "release": release,
        "previous": previous,
        "client": client,
        "moment": moment,
    }


def change(action: str, release: str, moment: float, client: str = "a") -> Change:
    return Change(client, "production", action, release, moment - 0.1, moment + 0.1, True)


HISTORY = [
    entry("publish", "r1", None, 1),
    entry("publish", "r2", "r1", 2, "b"),
    entry("rollback", "r1", "r2", 3),
]
CHANGES = [change("publish", "r1", 1), change("publish", "r2", 2, "b"), change("rollback", "r1", 3)]


def served(release: str) -> list[dict]:
    return [{"alias": "production", "release": release}]


def test_accepts_a_history_that_matches_the_answers():
    assert wrong_history(HISTORY, served("r1"), CHANGES) == []
    again = change("publish", "r2", 2.5, "c")
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
        (HISTORY, "r1", [*CHANGES, change("publish", "r9", 5, "c")]),
    ],
    ids=["other served", "lost", "unasked", "wrong target", "not serial", "twice", "no trace"],
)
def test_finds_a_history_that_does_not_match_the_answers(history, current, changes):
    assert wrong_history(history, served(current), changes)


def test_finds_two_releases_of_one_alias():
    assert wrong_history(HISTORY, served("r1") * 2, CHANGES)


def test_finds_a_second_job_of_an_idempotency_key():
    acknowledged = Acknowledged()
    acknowledged.submissions["k"] = {"ftjob-1"}
    assert wrong_jobs([{"key": "k", "run": "ftjob-1"}], acknowledged) == []
    assert wrong_jobs([{"key": "k", "run": "ftjob-1"}, {"key": "k", "run": "ftjob-2"}], acknowledged)
    assert wrong_jobs([], acknowledged)
    assert repeated("key", {"k": {"ftjob-1", "ftjob-2"}})


def resources_of(memory: list[int], files: list[int] | None = None) -> Resources:
    resources = Resources()
    resources.samples["web"] = [
        Sample(float(second), value * MEBIBYTE, number)
        for second, (value, number) in enumerate(zip(memory, files or [20] * len(memory), strict=True))
    ]
    return resources


def test_finds_memory_and_files_that_grow_after_the_warm_up():
    warmed_up = list(range(100, 160)) + [160] * 60
    assert resources_of(warmed_up).violations(10) == []
    assert resources_of(list(range(100, 220))).violations(10)
    assert resources_of([100] * 120, [20] * 60 + list(range(20, 140, 2))).violations(10)


def test_finds_connections_beyond_the_pool():
    resources = Resources(connections=[Counter({"kosha web": 10, "kosha": 4})])
    assert resources.violations(10) == []
    resources.connections.append(Counter({"kosha web": 11}))
    assert resources.violations(10)
    assert Resources(connections=[Counter({"kosha": 30})]).violations(10)


def test_percentiles_are_of_the_nearest_rank():
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(list(range(1, 101)), 0.95) == 95
    assert percentile([7], 0.95) == 7


def test_table_counts_every_outcome():
    counters = Counters()
    counters.add("GET /x", Outcome.ANSWERED, 0.5)
    counters.add("GET /x", Outcome.FAILED, detail="500 internal_error")
    assert "| `GET /x` | 1 | 0 | 0 | 0 | 1 | 500 | 500 |" in counters.table()
    assert counters.details[Outcome.FAILED] == Counter({"GET /x 500 internal_error": 1})
