"""The supervisor with real processes: they die, they ignore signals, they leave children behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import psutil
import pytest
from django.core.management import CommandError, call_command

from stack.logs import rotate
from stack.processes import guarded, port_is_free, spawn
from stack.restarts import Backoff
from stack.service import Service
from stack.state import AlreadyRunning, is_running, lock, port_for
from stack.supervisor import ServiceNotReady, StopRequested, Supervisor
from stack.watch import Probe

pytestmark = pytest.mark.slow

QUICK = Backoff(first=0.01, longest=0.05, healthy_after=60)


def python(code: str) -> list[str]:
    return guarded([sys.executable, "-S", "-c", code])


def sleeper(name: str = "sleeper", **options) -> Service:
    return Service(name, lambda: python("import time; time.sleep(600)"), lambda: True, **options)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path, said):
    supervisor = Supervisor(tmp_path / "logs", tmp_path, say=said.append)
    yield supervisor
    supervisor.stop_all(2)


def tick_until(supervisor: Supervisor, condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        supervisor.tick()


def pid_of(supervisor: Supervisor, name: str) -> int | None:
    return supervisor.facts()[name]["pid"]


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_what_dies_is_started_again(supervisor, said):
    supervisor.start(sleeper(backoff=QUICK))
    first = pid_of(supervisor, "sleeper")
    os.kill(first, signal.SIGKILL)
    tick_until(supervisor, lambda: pid_of(supervisor, "sleeper") not in (first, None))
    assert supervisor.facts()["sleeper"]["restarts"] == 1
    assert "ended with -9" in said[0]


def test_what_a_full_disk_kept_from_being_told_is_told_later(tmp_path):
    told: list[int | None] = []
    is_full = False

    def tell() -> None:
        if is_full:
            raise OSError(errno.ENOSPC, "no space left on device")
        told.append(supervisor.facts().get("sleeper", {}).get("pid"))

    supervisor = Supervisor(tmp_path / "logs", tmp_path, say=lambda _: None, changed=tell)
    try:
        supervisor.start(sleeper(backoff=QUICK))
        tick_until(supervisor, lambda: supervisor.facts()["sleeper"]["state"] == "running")
        supervisor.tick()
        first, is_full = pid_of(supervisor, "sleeper"), True
        os.kill(first, signal.SIGKILL)
        tick_until(supervisor, lambda: pid_of(supervisor, "sleeper") not in (first, None))
        tick_until(supervisor, lambda: supervisor.facts()["sleeper"]["state"] == "running")
        supervisor.tick()
        assert set(told) == {first}
        is_full = False
        supervisor.tick()  # nothing has changed since
        assert told[-1] == pid_of(supervisor, "sleeper") != first
        count = len(told)
        supervisor.tick()
        assert len(told) == count
    finally:
        supervisor.stop_all(2)


def test_what_dies_again_and_again_waits_longer(supervisor, said):
    supervisor.start(Service("broken", lambda: python("raise SystemExit(7)"), lambda: True, backoff=QUICK))
    tick_until(supervisor, lambda: sum("ended with 7" in line for line in said) == 4)
    waits = [line.split("next start in ")[1].split(" s;")[0] for line in said if "ended with 7" in line]
    assert waits == ["0.01", "0.02", "0.04", "0.05"]


def test_a_healthy_while_forgets_earlier_deaths(supervisor, said):
    backoff = Backoff(first=0.01, longest=10, healthy_after=0)
    supervisor.start(Service("flaky", lambda: python("raise SystemExit(1)"), lambda: True, backoff=backoff))
    tick_until(supervisor, lambda: sum("ended with 1" in line for line in said) == 3)
    assert all("next start in 0.01 s" in line for line in said if "ended" in line)


FAILING = Backoff(first=0.01, longest=0.02, budget=3, slow=0.3)


def test_what_keeps_dying_is_failing_but_never_given_up(supervisor, said, tmp_path):
    cured = tmp_path / "cured"
    code = f"import pathlib, sys, time; pathlib.Path({str(cured)!r}).exists() or sys.exit(7); time.sleep(600)"
    supervisor.start(Service("sick", lambda: python(code), cured.exists, backoff=FAILING))
    facts = lambda: supervisor.facts()["sick"]  # noqa: E731
    tick_until(supervisor, lambda: facts()["state"] == "failing")
    assert facts()["last_exit"] == 7
    assert (facts()["trouble"], facts()["reason"]) == ("ended", "ended with 7")
    assert facts()["next_start"] == pytest.approx(time.time() + 0.3, abs=0.5)
    assert "(it keeps failing); next start in 0.3 s; its log: " in said[-1]
    supervisor.wait_settled("sick")
    cured.touch()
    tick_until(supervisor, lambda: facts()["state"] == "running")
    assert (facts()["next_start"], facts()["restarts"]) == (None, facts()["restarts"])


def deaf(name: str, **options) -> Service:
    """A process that is alive and shows no sign of it."""
    probe = Probe(lambda: False, every=0.02, failures=5)
    return sleeper(name, probes=lambda: [probe], end_seconds=0.2, **options)


def test_what_hangs_is_replaced(supervisor, said):
    supervisor.start(deaf("deaf", backoff=QUICK))
    first = pid_of(supervisor, "deaf")
    tick_until(supervisor, lambda: supervisor.facts()["deaf"]["state"] == "unresponsive")
    tick_until(supervisor, lambda: pid_of(supervisor, "deaf") not in (first, None))
    assert gone(first)
    assert "deaf does not answer any more and is restarted" in said[0]
    assert "did not answer and ended with -15" in said[1]
    assert supervisor.facts()["deaf"]["trouble"] == "silent"


def test_what_hangs_and_ignores_its_end_is_killed(supervisor, said, tmp_path):
    ready = tmp_path / "ready"
    code = (
        "import pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(600)"
    )
    probe = Probe(lambda: not ready.exists(), every=0.02, failures=5)
    service = Service("deaf", lambda: python(code), ready.exists, probes=lambda: [probe], end_seconds=0.1)
    supervisor.start(service)
    tick_until(supervisor, lambda: any("ended with -9" in line for line in said))


def test_a_stopped_process_is_continued_before_it_is_replaced(supervisor, said, tmp_path):
    """SIGSTOP loses nothing yet; a restart would."""
    pulse = tmp_path / "pulse"
    code = (
        "import pathlib, time\n"
        f"pulse = pathlib.Path({str(pulse)!r})\n"
        "while True:\n pulse.write_text(str(time.monotonic()))\n time.sleep(0.01)"
    )
    seen: list[str] = [""]

    def moved() -> bool:
        seen.append(pulse.read_text() if pulse.exists() else "")
        return seen[-1] != seen[-2]

    probe = Probe(moved, every=0.1, failures=40)
    supervisor.start(Service("paused", lambda: python(code), pulse.exists, probes=lambda: [probe]))
    supervisor.wait_ready("paused")
    pid = pid_of(supervisor, "paused")
    os.kill(pid, signal.SIGSTOP)
    tick_until(supervisor, lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    tick_until(supervisor, lambda: psutil.Process(pid).status() != psutil.STATUS_STOPPED)
    assert (pid_of(supervisor, "paused"), said) == (pid, [])


def test_a_probe_that_hangs_keeps_nobody_waiting(supervisor, said):
    over = threading.Event()
    stuck = Probe(lambda: over.wait(20), every=0.01)
    supervisor.start(sleeper("watched", probes=lambda: [stuck]))
    supervisor.start(Service("slow", lambda: python("import time; time.sleep(600)"), lambda: over.wait(20)))
    supervisor.start(sleeper("other", backoff=QUICK))
    first = pid_of(supervisor, "other")
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    tick_until(supervisor, lambda: pid_of(supervisor, "other") not in (first, None))
    supervisor.request_stop()
    with pytest.raises(StopRequested):
        supervisor.tick()
    supervisor.stop_all(5)
    assert time.monotonic() - began < 10
    over.set()


def test_a_supervisor_that_slept_blames_nobody_for_it(tmp_path, repository):
    """Stopped for longer than its probes' patience and continued, it restarts nothing."""
    code = (
        "import pathlib, sys\n"
        "from stack.service import Service\n"
        "from stack.supervisor import Supervisor\n"
        "from stack.processes import guarded\n"
        "from stack.watch import Probe\n"
        "s = Supervisor(pathlib.Path(sys.argv[1]), pathlib.Path('/'), say=print)\n"
        "probe = Probe(lambda: True, every=0.05, failures=4)\n"
        "s.start(Service('sleeper', lambda: guarded(['sleep', '600']), lambda: True, probes=lambda: [probe]))\n"
        "s.wait_ready('sleeper')\n"
        "print('ready', flush=True)\n"
        "s.pause(2)\n"
        "print(s.facts()['sleeper']['restarts'], flush=True)\n"
        "s.stop_all(2)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{repository / 'platform'}{os.pathsep}{repository}"}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)  # the sleep is what is tested
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "0\n"


def test_a_program_that_cannot_be_started_again_is_tried_later(supervisor, said, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    supervisor.start(Service("upgraded", lambda: [str(program)], lambda: True, backoff=QUICK))
    program.rename(tmp_path / "away")
    os.kill(pid_of(supervisor, "upgraded"), signal.SIGKILL)
    tick_until(supervisor, lambda: any("could not be started" in line for line in said))
    (tmp_path / "away").rename(program)
    tick_until(supervisor, lambda: pid_of(supervisor, "upgraded") is not None)


def test_a_long_preparation_keeps_nobody_waiting(supervisor, said):
    """A cluster's making, a deep change of owners: the others are looked after, and a stop is heard."""
    may_end, prepared = threading.Event(), threading.Event()

    def prepare() -> None:
        prepared.set()
        assert may_end.wait(30)

    supervisor.start(sleeper("other", backoff=QUICK))
    supervisor.start(sleeper("slow", prepare=prepare, backoff=QUICK))
    assert prepared.is_set()
    assert (supervisor.facts()["slow"]["state"], pid_of(supervisor, "slow")) == ("starting", None)
    first = pid_of(supervisor, "other")
    os.kill(first, signal.SIGKILL)
    tick_until(supervisor, lambda: pid_of(supervisor, "other") not in (first, None))
    may_end.set()
    tick_until(supervisor, lambda: pid_of(supervisor, "slow") is not None)
    supervisor.wait_ready("slow")

    # The same when it is prepared again, and in the middle of that it shall end.
    may_end.clear()
    prepared.clear()
    os.kill(pid_of(supervisor, "slow"), signal.SIGKILL)
    tick_until(supervisor, prepared.is_set)
    assert supervisor.facts()["slow"]["state"] == "starting"
    supervisor.request_stop()
    with pytest.raises(StopRequested):
        supervisor.wait_ready("slow")
    began = time.monotonic()
    supervisor.stop(["slow"], 20)
    assert time.monotonic() - began < 10
    may_end.set()


def test_what_refuses_the_first_start_is_raised_and_later_tried_again(supervisor, said):
    """`initdb` may say so after seconds; a person waits for the first start, and nobody for the others."""
    may_refuse, refuses = threading.Event(), True

    def prepare() -> None:
        assert may_refuse.wait(30)
        if refuses:
            raise RuntimeError("initdb: no locale")

    supervisor.start(sleeper("picky", prepare=prepare, backoff=QUICK))
    may_refuse.set()
    with pytest.raises(RuntimeError, match="no locale"):
        tick_until(supervisor, lambda: False)

    refuses = False
    supervisor.start(sleeper("picky", prepare=prepare, backoff=QUICK))
    tick_until(supervisor, lambda: pid_of(supervisor, "picky") is not None)
    refuses = True
    os.kill(pid_of(supervisor, "picky"), signal.SIGKILL)
    tick_until(
        supervisor, lambda: any("picky could not be started: initdb: no locale" in line for line in said)
    )
    assert supervisor.facts()["picky"]["trouble"] == "not_started"


@pytest.mark.parametrize("thread", ["prepare", "watch"])
@pytest.mark.parametrize("starts", ["at first", "again"])
def test_where_no_thread_is_to_be_had_a_start_is_tried_later(supervisor, said, monkeypatch, thread, starts):
    """As many threads as the machine allows: what happens to one service must not end all others."""
    ordinary, is_full, spawned = threading.Thread.start, False, []

    def start(self: threading.Thread) -> None:
        if is_full and self.name == thread:
            raise RuntimeError("can't start new thread")
        ordinary(self)

    def noted(*arguments, **options) -> subprocess.Popen[bytes]:
        spawned.append(spawn(*arguments, **options))
        return spawned[-1]

    monkeypatch.setattr(threading.Thread, "start", start)
    monkeypatch.setattr("stack.service.spawn", noted)
    if starts == "again":
        supervisor.start(sleeper(backoff=QUICK))
        is_full = True
        os.kill(pid_of(supervisor, "sleeper"), signal.SIGKILL)
    else:
        is_full = True
        supervisor.start(sleeper(backoff=QUICK))
    tick_until(
        supervisor, lambda: any("could not be started: can't start new thread" in line for line in said)
    )
    assert supervisor.facts()["sleeper"]["trouble"] == "not_started"
    assert pid_of(supervisor, "sleeper") is None
    assert all(process.poll() is not None for process in spawned), "nobody would notice its silence"
    is_full = False
    tick_until(supervisor, lambda: supervisor.facts()["sleeper"]["state"] == "running")


def test_a_port_that_cannot_be_noted_serves_this_time(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.open", full)
        assert port_is_free(port_for(tmp_path, "web"))
    assert not list(tmp_path.iterdir())
    port = port_for(tmp_path, "web")
    assert port_for(tmp_path, "web") == port


def test_a_disk_without_room_for_a_start_is_said(monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("stack.management.commands.up.lock", full)
    with pytest.raises(CommandError, match="disk_full: There is no room left on the disk"):
        call_command("up")


def test_stopping_ends_the_whole_group_even_one_that_ignores_the_signal(supervisor, tmp_path):
    children = tmp_path / "children"
    code = (
        "import os, pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        f"child and pathlib.Path({str(children)!r}).write_text(f'{{os.getpid()}} {{child}}')\n"
        "time.sleep(600)"
    )
    supervisor.start(Service("stubborn", lambda: python(code), children.exists))
    supervisor.wait_ready("stubborn", 20)
    tick_until(supervisor, lambda: len(children.read_text().split()) == 2)
    supervisor.stop(["stubborn"], seconds=0.2)
    tick_until(supervisor, lambda: all(gone(int(pid)) for pid in children.read_text().split()))


def test_a_dead_leader_leaves_no_child_behind(supervisor, tmp_path):
    child = tmp_path / "child"
    code = (
        "import os, pathlib, time\n"
        "pid = os.fork()\n"
        f"pid and pathlib.Path({str(child)!r}).write_text(str(pid))\n"
        "time.sleep(600)"
    )
    supervisor.start(
        Service("parent", lambda: python(code), lambda: child.exists() and bool(child.read_text()))
    )
    supervisor.wait_ready("parent", 20)
    orphan = int(child.read_text())
    os.kill(pid_of(supervisor, "parent"), signal.SIGKILL)
    tick_until(supervisor, lambda: gone(orphan))


def test_children_die_with_a_supervisor_that_is_killed(tmp_path, repository):
    code = (
        "import pathlib, sys, time\n"
        "from stack.service import Service\n"
        "from stack.supervisor import Supervisor\n"
        "from stack.processes import guarded\n"
        "s = Supervisor(pathlib.Path(sys.argv[1]), pathlib.Path('/'), say=print)\n"
        "s.start(Service('sleeper', lambda: guarded(['sleep', '600']), lambda: True))\n"
        "print(s.facts()['sleeper']['pid'], flush=True)\n"
        "time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{repository / 'platform'}{os.pathsep}{repository}"}
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
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
    parent.stdout.close()


def test_who_waits_is_told_for_what_and_never_given_up(supervisor, said):
    supervisor.start(Service("mute", lambda: python("import time; time.sleep(600)"), lambda: len(said) >= 2))
    supervisor.wait_ready("mute", say_every=0.1)
    assert all("still waiting for mute; its log: " in line and "mute.log" in line for line in said)
    assert len(said) >= 2


def test_a_stop_interrupts_every_wait(supervisor):
    supervisor.start(Service("mute", lambda: python("import time; time.sleep(600)"), lambda: False))
    supervisor.request_stop()
    with pytest.raises(StopRequested):
        supervisor.wait_ready("mute", 60)


def test_a_stop_may_come_at_any_moment(tmp_path, monkeypatch):
    """A signal handler runs between any two steps of the thread that it interrupts, with whatever that holds."""
    monkeypatch.setattr("stack.supervisor.TICK_SECONDS", 0.001)

    def stops_within_a_round(moment: int) -> bool:
        """Interrupt a round before its so manieth line; whether it has as many."""
        supervisor, lines = Supervisor(tmp_path, tmp_path, say=print), 0

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
        raise AssertionError("the stop was not heard")

    moments: list[int] = []

    def try_all() -> None:
        while stops_within_a_round(len(moments) + 1):
            moments.append(len(moments) + 1)
        moments.append(0)

    thread = threading.Thread(target=try_all, daemon=True)
    thread.start()
    thread.join(30)
    assert len(moments) > 3 and moments[-1] == 0, f"stuck after {moments}"


def test_a_command_that_fails_is_reported_and_one_that_works_is_not(supervisor, tmp_path):
    supervisor.run_once("good", python("print('done')"), dict(os.environ))
    assert (tmp_path / "logs" / "good.log").read_text() == "done\n"
    with pytest.raises(ServiceNotReady, match="bad failed with 4"):
        supervisor.run_once("bad", python("raise SystemExit(4)"), dict(os.environ))


def test_a_command_that_cannot_even_be_started_is_one_that_fails(supervisor, tmp_path):
    """No room for its log, no memory for its process: whoever waits for it tries again."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "full.log").symlink_to(tmp_path / "away" / "full.log")
    with pytest.raises(ServiceNotReady, match="full could not be started: No such file"):
        supervisor.run_once("full", python("pass"), dict(os.environ))


def test_one_var_holds_one_stack(tmp_path):
    assert not is_running(tmp_path)
    with lock(tmp_path):
        assert is_running(tmp_path)
        with pytest.raises(AlreadyRunning, match="already running"), lock(tmp_path):
            pass
    assert not is_running(tmp_path)


def test_who_only_asks_whether_a_stack_runs_keeps_none_from_starting(tmp_path):
    with ExitStack() as asking:
        asking.enter_context(lock(tmp_path))
        asked = threading.Timer(0.1, asking.close)
        asked.start()
        with lock(tmp_path, patience=20):
            pass
        asked.join()


def test_a_long_log_is_cut_while_its_writer_goes_on(tmp_path):
    log = tmp_path / "service.log"
    log.write_bytes(b"x" * 100)
    with open(log, "ab") as writer:
        for generation in range(5):
            rotate(log, limit=50, generations=3)
            writer.write(bytes([ord("a") + generation]) * 60)
            writer.flush()
    assert log.read_bytes() == b"e" * 60
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "service.log",
        *(f"service.log.{n}" for n in (1, 2, 3)),
    ]
    assert (tmp_path / "service.log.1").read_bytes() == b"d" * 60


def test_a_log_is_cut_even_where_there_is_no_room_for_its_copy(tmp_path):
    log = tmp_path / "service.log"
    log.write_bytes(b"x" * 100)
    log.with_name("service.log.1").symlink_to("/dev/full")
    rotate(log, limit=50, generations=1)
    assert log.read_bytes() == b""
    assert list(tmp_path.iterdir()) == [log]


def test_output_is_appended_to_the_log(tmp_path):
    log = tmp_path / "logs" / "name.log"
    for word in ("first", "second"):
        process = spawn(["echo", word], log=log, directory=Path("/"))
        assert process.wait() == 0
    assert log.read_text() == "first\nsecond\n"
