"""Turns are taken in order, what is urgent first, also by a thread that has just had one."""

from __future__ import annotations

import threading

from workers.engines.shared.index.turns import Turns


def test_turns_are_taken_in_order_and_urgent_ones_first():
    turns, taken = Turns(), []
    first_is_in, go_on = threading.Event(), threading.Event()

    def many_pieces():
        for piece in range(3):
            with turns.take():
                taken.append(f"piece {piece}")
                if piece == 0:
                    first_is_in.set()
                    go_on.wait(10)

    def one(name, urgent):
        with turns.take(urgent=urgent):
            taken.append(name)

    threads = [threading.Thread(target=many_pieces)]
    threads[0].start()
    assert first_is_in.wait(10)
    for waiting, (name, urgent) in enumerate([("passages", False), ("question", True)], start=1):
        threads.append(threading.Thread(target=one, args=(name, urgent)))
        threads[-1].start()
        while len(turns._waiting) < waiting:
            pass
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert taken == ["piece 0", "question", "passages", "piece 1", "piece 2"]


def test_a_failure_gives_the_turn_back():
    turns = Turns()
    try:
        with turns.take():
            raise ValueError
    except ValueError:
        pass
    with turns.take():
        pass
