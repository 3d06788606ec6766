"""What the demo prints into a file: a line of progress only where something changed."""

from __future__ import annotations

import pytest

from demo import screen as module
from demo.screen import Screen


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def job(done: float, seconds_left: float) -> dict:
    progress = {"done": done, "total": 4, "unit": "steps", "seconds_left": seconds_left}
    return {"kind": "training", "status": "running", "progress": progress}


def test_prints_a_job_only_when_it_has_advanced(clock, capsys):
    screen = Screen()
    for second in range(120):
        clock.now = second
        # Its last step is reached after a minute.
        screen.job(job(min(4, 1 + second // 20), seconds_left=120 - second))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["1/4", "2/4", "3/4", "4/4"]


def test_prints_a_fast_change_at_most_every_ten_seconds_and_the_last_one(clock, capsys):
    screen = Screen()
    for second in range(30):
        clock.now = second
        screen.progress(f"read {min(second, 12)}/12 documents")
    assert capsys.readouterr().out.split("\n") == [
        "      read 0/12 documents",
        "      read 10/12 documents",
        "      read 12/12 documents",
        "",
    ]


def test_the_same_words_are_printed_again_under_another_heading(clock, capsys):
    screen = Screen()
    for heading in ("train", "train again"):
        clock.now += 10
        screen.say(heading)
        screen.progress("queued")
    assert capsys.readouterr().out.split("\n")[1::2] == ["      queued"] * 2
