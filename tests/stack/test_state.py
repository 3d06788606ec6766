"""What a stack leaves in `var/`: its lock, its ports, and what `up` says on a full disk."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import ExitStack

import pytest
from django.core.management import CommandError, call_command

from stack.processes import port_is_free
from stack.state import AlreadyRunning, is_running, lock, port_for


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_one_var_holds_one_stack(tmp_path):
    assert not is_running(tmp_path)
    with lock(tmp_path):
        assert is_running(tmp_path)
        with pytest.raises(AlreadyRunning, match="already running"), lock(tmp_path):
            pass
    assert not is_running(tmp_path)


def test_asking_whether_a_stack_runs_keeps_none_from_starting(tmp_path):
    with ExitStack() as asking:
        asking.enter_context(lock(tmp_path))
        asked = threading.Timer(0.1, asking.close)
        asked.start()
        with lock(tmp_path, timeout=20):
            pass
        asked.join()


def test_port_that_cannot_be_noted_serves_this_time(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("os.open", full)
        assert port_is_free(port_for(tmp_path, "web"))
    assert not list(tmp_path.iterdir())
    assert port_for(tmp_path, "web") == port_for(tmp_path, "web")


def test_up_names_a_full_disk(monkeypatch):
    monkeypatch.setattr("stack.management.commands.up.lock", full)
    with pytest.raises(CommandError, match="disk_full: There is no space left on the disk"):
        call_command("up")
