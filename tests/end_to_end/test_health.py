"""The real stack: a healthy one says so, and each part that is stopped is told as silent, soon."""

from __future__ import annotations

import signal
import time

import httpx
import psutil
import pytest

from tests.stack.installation import Installation

pytestmark = [pytest.mark.services, pytest.mark.ml]

LOOKED_AT_ANEW = 10.0
"""A report is kept for three seconds, and made in less."""


def ready(kosha: Installation) -> dict:
    began = time.monotonic()
    answer = httpx.get(kosha.state["base_url"] + "/readyz", timeout=20)
    assert time.monotonic() - began < 4
    assert answer.status_code == 200
    return answer.json()


def said(kosha: Installation, name: str) -> str:
    part = ready(kosha)["components"][name]
    return part.get("code") or part["status"]


def test_everything_works_and_is_said_to(kosha):
    kosha.wait(lambda: ready(kosha)["status"] == "ok", 60)
    parts = ready(kosha)["components"]
    assert {name: part["status"] for name, part in parts.items() if part["status"] != "ok"} == {
        "replication": "none"
    }
    assert parts["workers"]["alive"] == 1
    assert parts["beat"]["last_tick_seconds"] < 10


@pytest.mark.parametrize(("service", "name"), [("valkey", "broker"), ("model-server", "model_server")])
def test_a_part_that_is_stopped_is_told_as_silent(kosha, service, name):
    kosha.wait(lambda: said(kosha, name) == "ok", 120)
    pid = kosha.pid(service)
    assert pid is not None
    stopped = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    try:
        kosha.wait(lambda: said(kosha, name) != "ok", LOOKED_AT_ANEW)
        # Or the supervisor was faster, and there is none for a moment.
        assert said(kosha, name) in ("silent", "unreachable", "starting")
    finally:
        for process in stopped:
            if process.is_running():
                process.send_signal(signal.SIGCONT)
    kosha.wait(lambda: said(kosha, name) == "ok", 120)
