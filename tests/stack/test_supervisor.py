"""The supervisor with real processes that end, hang and ignore signals."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import threading
import time

import psutil
import pytest

from stack.processes import spawn
from stack.service import Backoff, LivenessProbe
from stack.supervisor import SETTLED, ServiceNotReady, StopRequested
from tests.stack.watched import IGNORES_SIGTERM, QUICK, Watched, child_supervisor, gone, python, service

pytestmark = pytest.mark.slow


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
@pytest.mark.parametrize(
    ("ignores", "code"), [("", -15), (IGNORES_SIGTERM, -9)], ids=["ends when asked", "is killed"]
)
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
    supervisor.start(service("silent", is_ready=lambda: len(supervisor.sentences) >= 2))
    supervisor.wait("silent", remind_seconds=0.1)
    assert len(supervisor.sentences) >= 2
    assert all(
        re.search(r"still waiting for silent; its log: .*silent\.log", line) for line in supervisor.sentences
    )
