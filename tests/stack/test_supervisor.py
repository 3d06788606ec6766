"""The supervisor with real processes that end, hang, ignore signals and leave children behind."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psutil
import pytest

from stack.processes import guarded, spawn
from stack.service import Backoff, LivenessProbe, Service
from stack.supervisor import SETTLED, ServiceNotReady, StopRequested, Supervisor, rotate

pytestmark = pytest.mark.slow

QUICK = Backoff(first=0.01, longest=0.05, healthy_after=60)
SLEEP = "import time; time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def python(code: str) -> list[str]:
    return guarded([sys.executable, "-S", "-c", code])


def service(name: str = "service", code: str = SLEEP, **options) -> Service:
    options = {"is_ready": lambda: True, "backoff": QUICK, **options}
    return Service(name, lambda: python(code), **options)


class Watched(Supervisor):
    """A supervisor with helpers for the tests."""

    def __init__(self, folder: Path, **options) -> None:
        self.sentences: list[str] = []
        super().__init__(folder / "logs", folder, echo=self.sentences.append, **options)

    def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            self.tick()

    def until_echoed(self, text: str) -> None:
        self.until(lambda: any(text in sentence for sentence in self.sentences))

    def fact(self, key: str, name: str = "service") -> object:
        return self.facts()[name][key]

    def kill(self, name: str = "service") -> int:
        pid = self.fact("pid", name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def until_restarted(self, name: str = "service") -> None:
        """Kill the process and wait for the next one."""
        killed = self.kill(name)
        self.until(lambda: self.fact("pid", name) not in (killed, None))


@pytest.fixture
def supervisor(tmp_path) -> Iterator[Watched]:
    supervisor = Watched(tmp_path)
    yield supervisor
    supervisor.stop(list(supervisor.facts()), 2)


@contextmanager
def child_supervisor(folder: Path, repository: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    """A supervisor `s` in a process of its own, which runs `code`."""
    start = (
        "import pathlib, sys, time\n"
        "from stack.processes import guarded\n"
        "from stack.service import LivenessProbe, Service\n"
        "from stack.supervisor import Supervisor\n"
        "s = Supervisor(pathlib.Path(sys.argv[1]), pathlib.Path('/'), echo=print)\n"
        "probe = LivenessProbe(lambda: True, every=0.05, failures=4)\n"
        "s.start(Service('sleeper', lambda: guarded(['sleep', '600']), lambda: True, probes=lambda: [probe]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{repository / 'platform'}{os.pathsep}{repository}"}
    command = [sys.executable, "-c", start + code, str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process


# -- what ends ----------------------------------------------------------------------------------
def test_restarts_crashed_service(supervisor):
    supervisor.start(service())
    supervisor.until_restarted()
    assert supervisor.fact("restarts") == 1
    assert "ended with -9" in supervisor.sentences[0]


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        pytest.param(QUICK, ["0.01", "0.02", "0.04", "0.05", "0.05"], id="grows"),
        pytest.param(Backoff(first=0.01, healthy_after=0), ["0.01"] * 3, id="forgets after a healthy period"),
        pytest.param(
            Backoff(first=0.01, longest=0.02, budget=3, slow=0.3),
            ["0.01", "0.02", "0.02", "0.3"],
            id="slow beyond the budget",
        ),
    ],
)
def test_delay_between_restarts(supervisor, backoff, waits):
    supervisor.start(service(code="raise SystemExit(7)", backoff=backoff))
    seen: list[str] = []
    while len(seen) < len(waits):
        supervisor.tick()
        seen = re.findall(r"ended with 7.*?; next start in (\S+) s", "\n".join(supervisor.sentences))
    assert seen == waits


def test_failing_service_is_reported_and_never_given_up(supervisor, tmp_path):
    cured = tmp_path / "cured"
    code = f"import pathlib, sys, time; pathlib.Path({str(cured)!r}).exists() or sys.exit(7); time.sleep(600)"
    failing = Backoff(first=0.01, longest=0.02, budget=3, slow=0.3)
    supervisor.start(service(code=code, is_ready=cured.exists, backoff=failing))
    supervisor.until(lambda: supervisor.fact("state") == "failing")
    facts = supervisor.facts()["service"]
    assert (facts["last_exit"], facts["trouble"], facts["reason"]) == (7, "ended", "ended with 7")
    assert facts["next_start"] == pytest.approx(time.time() + 0.3, abs=0.5)
    assert "(it keeps failing); next start in 0.3 s; its log: " in supervisor.sentences[-1]
    supervisor.wait("service", SETTLED)
    cured.touch()
    supervisor.wait("service")
    assert supervisor.fact("next_start") is None


# -- what hangs ---------------------------------------------------------------------------------
@pytest.mark.parametrize(("ignores", "code"), [("", -15), (DEAF, -9)], ids=["ends when asked", "is killed"])
def test_silent_process_is_replaced(supervisor, tmp_path, ignores, code):
    ready = tmp_path / "ready"
    script = f"{ignores}import pathlib, time\npathlib.Path({str(ready)!r}).touch()\ntime.sleep(600)"
    probe = LivenessProbe(lambda: not ready.exists(), every=0.02, failures=5)
    supervisor.start(service(code=script, is_ready=ready.exists, probes=lambda: [probe], end_seconds=0.2))
    first = supervisor.fact("pid")
    supervisor.until(lambda: supervisor.fact("state") == "unresponsive")
    supervisor.until(lambda: supervisor.fact("pid") not in (first, None))
    assert gone(first)
    assert "service does not answer any more and is restarted" in supervisor.sentences[0]
    assert f"did not answer and ended with {code}" in supervisor.sentences[1]
    assert supervisor.fact("trouble") == "silent"


def test_stopped_process_is_continued_before_it_is_replaced(supervisor, tmp_path):
    """A stopped process has lost nothing; a restart would lose its state."""
    beat = tmp_path / "beat"
    code = f"import pathlib, time\nbeat = pathlib.Path({str(beat)!r})\nwhile True: beat.write_text(str(time.monotonic())); time.sleep(0.01)"
    seen: list[str] = [""]

    def has_changed() -> bool:
        seen.append(beat.read_text() if beat.exists() else "")
        return seen[-1] != seen[-2]

    probe = LivenessProbe(has_changed, every=0.1, failures=40)
    supervisor.start(service(code=code, is_ready=beat.exists, probes=lambda: [probe]))
    supervisor.wait("service")
    pid = supervisor.fact("pid")
    os.kill(pid, signal.SIGSTOP)
    supervisor.until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    supervisor.until(lambda: psutil.Process(pid).status() != psutil.STATUS_STOPPED)
    assert (supervisor.fact("pid"), supervisor.sentences) == (pid, [])


def test_supervisor_that_slept_restarts_nothing(tmp_path, repository):
    code = "s.wait('sleeper')\nprint('ready', flush=True)\ns.pause(2)\nprint(s.facts()['sleeper']['restarts'], flush=True)\ns.stop(['sleeper'], 2)"
    with child_supervisor(tmp_path, repository, code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)  # the sleep is what is tested
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "0\n"


# -- what must not delay the others -----------------------------------------------------------------
@pytest.mark.parametrize("part", ["probe", "is_ready", "prepare"])
@pytest.mark.parametrize("is_restart", [False, True], ids=["at first", "again"])
@pytest.mark.parametrize("ends", [False, True], ids=["stopped meanwhile", "ends"])
def test_hanging_part_of_a_service_delays_no_other(supervisor, part, is_restart, ends):
    """Making a cluster, changing the owner of many files, asking a server that does not answer."""
    over, is_hanging, may_hang = threading.Event(), threading.Event(), not is_restart

    def hang() -> bool:
        if may_hang:
            is_hanging.set()
            assert over.wait(30)
        return True

    options = {"probes": lambda: [LivenessProbe(hang, every=0.01)]} if part == "probe" else {part: hang}
    supervisor.start(service("slow", **options))
    supervisor.start(service("other"))
    if is_restart:
        supervisor.wait("slow")
        may_hang = True
        supervisor.kill("slow")
    supervisor.until(is_hanging.is_set)
    if part == "prepare":
        assert (supervisor.fact("state", "slow"), supervisor.fact("pid", "slow")) == ("starting", None)
    supervisor.until_restarted("other")
    if ends:
        over.set()
        supervisor.wait("slow")
    supervisor.request_stop()
    with pytest.raises(StopRequested):
        supervisor.wait("slow", ())
    began = time.monotonic()
    supervisor.stop(["slow", "other"], 20)
    assert time.monotonic() - began < 10
    over.set()


def test_refused_first_start_is_raised(supervisor):
    """A person waits for the first start, and `initdb` may refuse after seconds."""
    may_refuse = threading.Event()

    def prepare() -> None:
        assert may_refuse.wait(30)
        raise RuntimeError("initdb: no locale")

    supervisor.start(service(prepare=prepare))
    may_refuse.set()
    with pytest.raises(RuntimeError, match="no locale"):
        supervisor.until(lambda: False)


REFUSED_STARTS = {
    "program is missing": ("could not be started: No such file", [True]),
    "tool refuses": ("could not be started: initdb: no locale", [True]),
    "no thread to prepare": ("could not be started: can't start new thread", [False, True]),
    "no thread to watch": ("could not be started: can't start new thread", [False, True]),
}
"""The sentence, and whether it is a restart."""


@pytest.mark.parametrize(
    ("what", "is_restart"), [(what, again) for what, (_, both) in REFUSED_STARTS.items() for again in both]
)
def test_refused_start_is_tried_again(supervisor, tmp_path, monkeypatch, what, is_restart):
    """What happens to one service must not end the others."""
    ordinary, is_refused, spawned = threading.Thread.start, not is_restart, []

    def start(self: threading.Thread) -> None:
        if is_refused and what == f"no thread to {self.name}":
            raise RuntimeError("can't start new thread")
        ordinary(self)

    def noted(command: list[str], **options) -> subprocess.Popen[bytes]:
        is_missing = is_refused and what == "program is missing"
        spawned.append(spawn([str(tmp_path / "missing")] if is_missing else command, **options))
        return spawned[-1]

    def prepare() -> None:
        if is_refused and what == "tool refuses":
            raise RuntimeError("initdb: no locale")

    monkeypatch.setattr(threading.Thread, "start", start)
    monkeypatch.setattr("stack.running.spawn", noted)
    supervisor.start(service(prepare=prepare))
    if is_restart:
        supervisor.wait("service")
        is_refused = True
        supervisor.kill()
    supervisor.until_echoed(REFUSED_STARTS[what][0])
    assert (supervisor.fact("trouble"), supervisor.fact("pid")) == ("not_started", None)
    assert all(process.poll() is not None for process in spawned), "an unwatched process was left"
    is_refused = False
    supervisor.wait("service")


def test_state_that_a_full_disk_refused_is_written_later(tmp_path):
    written: list[object] = []
    is_full = False

    def write() -> None:
        if is_full:
            raise OSError(errno.ENOSPC, "no space left on device")
        written.append(supervisor.facts().get("service", {}).get("pid"))

    supervisor = Watched(tmp_path, on_change=write)
    try:
        supervisor.start(service())
        supervisor.wait("service")
        supervisor.tick()
        first, is_full = supervisor.fact("pid"), True
        supervisor.until_restarted()
        supervisor.wait("service")
        supervisor.tick()
        assert set(written) == {first}
        is_full = False
        supervisor.tick()  # nothing has changed since
        assert written[-1] == supervisor.fact("pid") != first
        count = len(written)
        supervisor.tick()
        assert len(written) == count
    finally:
        supervisor.stop(list(supervisor.facts()), 2)


# -- commands and waiting --------------------------------------------------------------------------
def test_failed_command_is_reported(supervisor, tmp_path):
    supervisor.run_once("good", python("print('done')"), dict(os.environ))
    assert (tmp_path / "logs" / "good.log").read_text() == "done\n"
    with pytest.raises(ServiceNotReady, match="bad failed with 4"):
        supervisor.run_once("bad", python("raise SystemExit(4)"), dict(os.environ))
    # No space for its log, no memory for its process: the caller tries again.
    (tmp_path / "logs" / "full.log").symlink_to(tmp_path / "away" / "full.log")
    with pytest.raises(ServiceNotReady, match="full could not be started: No such file"):
        supervisor.run_once("full", python("pass"), dict(os.environ))


def test_long_wait_names_what_it_waits_for(supervisor):
    supervisor.start(service("mute", is_ready=lambda: len(supervisor.sentences) >= 2))
    supervisor.wait("mute", remind_seconds=0.1)
    assert len(supervisor.sentences) >= 2
    assert all(
        re.search(r"still waiting for mute; its log: .*mute\.log", line) for line in supervisor.sentences
    )


# -- stopping -----------------------------------------------------------------------------------
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
        pytest.param(DEAF, lambda supervisor: supervisor.stop(["service"], seconds=0.2), id="stop"),
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


# -- logs ---------------------------------------------------------------------------------------
def test_long_log_is_rotated_while_its_writer_goes_on(tmp_path):
    log = tmp_path / "service.log"
    log.write_bytes(b"x" * 100)
    with open(log, "ab") as writer:
        for generation in range(5):
            rotate(log, limit=50, generations=3)
            writer.write(bytes([ord("a") + generation]) * 60)
            writer.flush()
    assert log.read_bytes() == b"e" * 60
    names = ["service.log", *(f"service.log.{n}" for n in (1, 2, 3))]
    assert [path.name for path in sorted(tmp_path.iterdir())] == names
    assert (tmp_path / "service.log.1").read_bytes() == b"d" * 60


def test_log_is_truncated_without_space_for_its_copy(tmp_path):
    log = tmp_path / "service.log"
    log.write_bytes(b"x" * 100)
    log.with_name("service.log.1").symlink_to("/dev/full")
    rotate(log, limit=50, generations=1)
    assert log.read_bytes() == b""
    assert list(tmp_path.iterdir()) == [log]


def test_output_is_appended_to_the_log(tmp_path):
    log = tmp_path / "logs" / "name.log"
    for word in ("first", "second"):
        assert spawn(["echo", word], log=log, directory=Path("/")).wait() == 0
    assert log.read_text() == "first\nsecond\n"
