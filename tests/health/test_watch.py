"""A hanging probe delays no other, and no part is asked more often than needed."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from common.disk import Disk
from health.parts import Name
from health.probes import Probe, Silent, Slow, Unreachable, ask_all, ask_broker, ask_model_server
from health.watch import HealthWatch

pytestmark = pytest.mark.slow


@pytest.fixture
def hanging():
    """A question that is not answered until the test is over."""
    let_go = threading.Event()
    asked = []

    def ask():
        asked.append(1)
        let_go.wait(30)

    ask.asked = asked
    yield ask
    let_go.set()


def test_hanging_part_delays_no_other(hanging):
    probes = {Name.DATABASE: Probe(hanging), Name.STORAGE: Probe(lambda: "room")}
    began = time.monotonic()
    answers = ask_all(probes, 0.2)
    assert time.monotonic() - began < 10
    assert isinstance(answers[Name.DATABASE], Silent)
    assert answers[Name.STORAGE] == "room"


def test_hanging_part_is_not_asked_again(hanging):
    probes = {Name.DATABASE: Probe(hanging)}
    for _ in range(5):
        ask_all(probes, 0.01)
    assert len(hanging.asked) == 1


def test_late_part_that_connected_is_slow(hanging):
    for was_heard, answer in ((True, Slow), (False, Silent)):
        answers = ask_all({Name.DATABASE: Probe(hanging, lambda was_heard=was_heard: was_heard)}, 0.01)
        assert isinstance(answers[Name.DATABASE], answer)


def test_question_without_a_thread_is_asked_again(monkeypatch):
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    probes = {Name.STORAGE: Probe(lambda: "room")}
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert isinstance(ask_all(probes, 1)[Name.STORAGE], Unreachable)
    assert ask_all(probes, 10)[Name.STORAGE] == "room"


def test_unexpected_answer_is_an_outage():
    """Another program may listen on the port of the model server."""

    def nonsense():
        raise ValueError("not what was asked")

    answers = ask_all({Name.MODEL_SERVER: Probe(nonsense)}, 5)
    assert isinstance(answers[Name.MODEL_SERVER], Unreachable)


def test_report_is_shared_and_reused(monkeypatch):
    looks = []

    def storage() -> Disk:
        looks.append(1)
        return Disk(4, 3, 1, 2)

    def unreachable():
        raise Unreachable

    probes = dict.fromkeys((Name.DATABASE, Name.BROKER, Name.MODEL_SERVER), Probe(unreachable))
    watch = HealthWatch({**probes, Name.STORAGE: Probe(storage)})
    assert watch.known() is None
    threads = [threading.Thread(target=watch.report) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looks) == 1
    first = watch.report()
    assert watch.known() is first
    monkeypatch.setattr("health.watch.KEPT_SECONDS", 0)
    second = watch.report()
    assert len(looks) == 2
    since = {component.name: component.since for component in first.components}
    assert {component.name: component.since for component in second.components} == since


def test_silent_and_missing_servers(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings.REDIS_URL, settings.MODEL_SERVER_URL = (
            f"redis://127.0.0.1:{port}/0",
            f"http://127.0.0.1:{port}",
        )
        answers = ask_all({Name.BROKER: Probe(ask_broker), Name.MODEL_SERVER: Probe(ask_model_server)}, 10)
    assert all(isinstance(answer, Silent) for answer in answers.values())
    answers = ask_all({Name.BROKER: Probe(ask_broker), Name.MODEL_SERVER: Probe(ask_model_server)}, 10)
    assert all(isinstance(answer, Unreachable) for answer in answers.values())
