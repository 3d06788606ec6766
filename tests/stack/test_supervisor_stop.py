"""The supervisor stops when it is asked to, and leaves no process behind."""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType

import psutil
import pytest

from stack.supervisor import StopRequested
from tests.stack.watched import IGNORES_SIGTERM, Watched, child_supervisor, gone, service

pytestmark = pytest.mark.slow


def test_stop_request_is_noticed_at_any_moment(tmp_path, monkeypatch):
    """A signal handler runs between any two steps of the thread that it interrupts, with the locks that it holds."""
    monkeypatch.setattr("stack.supervisor.TICK_SECONDS", 0.001)

    def stops_within_a_round(moment: int) -> bool:
        """Interrupt a round before its line number `moment`; whether it has so many lines."""
        supervisor, lines = Watched(tmp_path), 0

        def look(frame: FrameType, event: str, _: object) -> object:
            nonlocal lines
            lines += event == "line"
            if lines == moment:
                sys.settrace(None)
                supervisor.request_stop()
                return None
            return look

        sys.settrace(look)
        try:
            supervisor.tick()
            sys.settrace(None)
            if lines < moment:
                return False
            supervisor.tick()
        except StopRequested:
            return True
        raise AssertionError("the stop was not noticed")

    moments: list[int] = []

    def try_all() -> None:
        while stops_within_a_round(len(moments) + 1):
            moments.append(len(moments) + 1)
        moments.append(0)

    thread = threading.Thread(target=try_all, daemon=True)
    thread.start()
    thread.join(30)
    assert len(moments) > 3 and moments[-1] == 0, f"stuck after {moments}"


FORK = "import os, pathlib, time\nchild = os.fork()\nchild and pathlib.Path({file!r}).write_text(f'{{os.getpid()}} {{child}}')\ntime.sleep(600)"


@pytest.mark.parametrize(
    ("ignores", "end"),
    [
        pytest.param(
            IGNORES_SIGTERM, lambda supervisor: supervisor.stop(["service"], seconds=0.2), id="stop"
        ),
        pytest.param("", Watched.kill, id="leader killed"),
    ],
)
def test_end_leaves_no_process_of_the_group(supervisor, tmp_path, ignores, end):
    file = tmp_path / "pids"
    code = ignores + FORK.format(file=str(file))
    supervisor.start(
        service(code=code, is_ready=lambda: file.exists() and len(file.read_text().split()) == 2)
    )
    supervisor.wait("service")
    pids = [int(pid) for pid in file.read_text().split()]
    end(supervisor)
    supervisor.until(lambda: all(map(gone, pids)))


def test_children_end_with_a_killed_supervisor(tmp_path, repository):
    code = "print(s.facts()['sleeper']['pid'], flush=True)\ntime.sleep(600)"
    with child_supervisor(tmp_path, repository, code) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        # The child asks for the signal first thing; once it is `sleep`, it has.
        deadline = time.monotonic() + 10
        while psutil.Process(child).name() != "sleep" and time.monotonic() < deadline:
            pass
        parent.kill()
        parent.wait()
        while not gone(child):
            assert time.monotonic() < deadline
