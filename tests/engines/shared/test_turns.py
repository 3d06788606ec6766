"""Turns are taken in order, what is urgent first, also by a thread that has just had one."""

from __future__ import annotations

import threading
import time

from workers.engines.shared.index.turns import Claim, Turns


class Waiting:
    """Claims that wait in a known order while one turn is held; `end` says in which order they then had theirs."""

    def __init__(self) -> None:
        self.turns, self.taken = Turns(), []
        self._go_on = threading.Event()
        self._threads = []
        held = threading.Event()

        def hold():
            with self.turns.take():
                held.set()
                self._go_on.wait(10)

        self._start(hold)
        assert held.wait(10)

    def add(self, name, owner="", *, urgent=False):
        waiting = len(self.turns._waiting)

        def work():
            with self.turns.take(Claim(owner, urgent)):
                self.taken.append(name)

        self._start(work)
        while len(self.turns._waiting) == waiting:
            time.sleep(0)

    def end(self):
        self._go_on.set()
        for thread in self._threads:
            thread.join(10)
        return self.taken

    def _start(self, work):
        self._threads.append(threading.Thread(target=work))
        self._threads[-1].start()


def test_turns_are_taken_in_order_and_urgent_ones_first():
    waiting = Waiting()
    waiting.add("passages")
    waiting.add("question", urgent=True)
    waiting.add("more passages")
    assert waiting.end() == ["question", "passages", "more passages"]


def test_organizations_take_turns_however_much_one_asks_for():
    waiting = Waiting()
    for _request in range(4):
        waiting.add("a", owner="a")
    waiting.add("b", owner="b")
    waiting.add("c", owner="c")
    waiting.add("b", owner="b")
    assert waiting.end() == ["a", "b", "c", "a", "b", "a", "a"]


def test_questions_of_one_organization_do_not_keep_out_another_nor_passages():
    waiting = Waiting()
    waiting.add("passages", owner="c")
    for _question in range(6):
        waiting.add("a", owner="a", urgent=True)
    waiting.add("b", owner="b", urgent=True)
    assert waiting.end() == ["a", "b", "a", "passages", "a", "a", "a", "a"]


def test_a_failure_gives_the_turn_back():
    turns = Turns()
    try:
        with turns.take():
            raise ValueError
    except ValueError:
        pass
    with turns.take():
        pass
