"""The health of a real installation: it is reported as healthy, and a component that hangs is named soon."""

from __future__ import annotations

import signal
import time

import httpx
import psutil
import pytest

from tests.installation import IsolatedInstallation

pytestmark = [pytest.mark.services, pytest.mark.ml]

NEXT_REPORT_SECONDS = 10.0
"""A report is kept for three seconds, and made in less."""


def report(kosha: IsolatedInstallation) -> dict:
    began = time.monotonic()
    answer = httpx.get(kosha.base_url + "/readyz", timeout=20)
    assert time.monotonic() - began < 4
    assert answer.status_code == 200
    return answer.json()


def status_of(kosha: IsolatedInstallation, name: str) -> str:
    component = report(kosha)["components"][name]
    return component.get("code") or component["status"]


def test_reports_a_healthy_installation(kosha):
    kosha.wait(lambda: report(kosha)["status"] == "ok", 60)
    components = report(kosha)["components"]
    assert {
        name: component["status"] for name, component in components.items() if component["status"] != "ok"
    } == {"replication": "none", "mail": "none"}
    assert components["workers"]["alive"] == 1
    assert components["beat"]["last_tick_seconds"] < 10


@pytest.mark.parametrize(("service", "name"), [("valkey", "broker"), ("model-server", "model_server")])
def test_reports_a_hanging_component(kosha, service, name):
    kosha.wait(lambda: status_of(kosha, name) == "ok", 120)
    pid = kosha.pid(service)
    assert pid is not None
    stopped = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    try:
        kosha.wait(lambda: status_of(kosha, name) != "ok", NEXT_REPORT_SECONDS)
        # The supervisor may already have ended it: then there is none for a moment.
        assert status_of(kosha, name) in ("silent", "unreachable", "starting")
    finally:
        for process in stopped:
            if process.is_running():
                process.send_signal(signal.SIGCONT)
    kosha.wait(lambda: status_of(kosha, name) == "ok", 120)
