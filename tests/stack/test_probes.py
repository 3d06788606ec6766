"""What counts as a sign of life of the worker: its own, and what can be expected of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings

from stack import probes
from stack.processes import free_port

MAIN, CONSUMES = 0, 1


@pytest.fixture
def beacons(tmp_path) -> Path:
    for name in (probes.WORKER, probes.BEAT, probes.TASKS):
        (tmp_path / name).touch()
    return tmp_path


def move(beacons: Path, name: str) -> None:
    """By an hour back: a clock that was set is no reason to take anybody for dead."""
    before = (beacons / name).stat().st_mtime
    os.utime(beacons / name, (before - 3600, before - 3600))


@pytest.mark.parametrize(
    ("moved", "main", "consumes"),
    [
        ((probes.WORKER, probes.BEAT, probes.TASKS), True, True),
        # Its loop stands still.
        ((probes.BEAT,), False, False),
        # It lives, beat rings, and it takes nothing.
        ((probes.WORKER, probes.BEAT), True, False),
        # Nobody rings.
        ((probes.WORKER,), True, True),
    ],
)
def test_a_worker_lives_when_its_loop_turns_and_it_takes_what_is_rung_for(beacons, moved, main, consumes):
    watched = probes.worker_probes(beacons, settings.REDIS_URL)
    for name in moved:
        move(beacons, name)
    assert watched[MAIN].shows_life() is main
    assert watched[CONSUMES].shows_life() is consumes


def test_while_the_broker_is_away_nothing_is_expected_of_the_worker(beacons):
    watched = probes.worker_probes(beacons, f"redis://127.0.0.1:{free_port()}/0")
    move(beacons, probes.BEAT)
    assert watched[MAIN].shows_life()
    move(beacons, probes.BEAT)
    assert watched[CONSUMES].shows_life()


def test_a_beacon_shows_life_once_for_each_time_it_moved(beacons):
    moved = probes.Moved(beacons / probes.BEAT)
    assert not moved()
    move(beacons, probes.BEAT)
    assert moved()
    assert not moved()
    move(beacons, probes.BEAT)
    moved.reset()
    assert not moved()
