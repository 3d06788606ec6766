"""The question to the database: over a connection of its own, bounded, and "away" only where it is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction

from common.database import ServerSilent
from health.connection import own_connection, server_takes_connections
from health.parts import Name
from health.probes import LIMIT_SECONDS, Answer, DatabaseQuestion, Probe, Silent, Slow, Unreachable, ask_all
from health.selectors import DatabaseFacts, PendingMigrations
from health.watch import watch

SLACK_SECONDS = 5
"""A machine that has other work."""


@pytest.fixture
def question(transactional_db) -> DatabaseQuestion:
    return DatabaseQuestion()


@pytest.fixture
def reports_anew() -> Iterator[None]:
    watch.cache_clear()
    yield
    watch.cache_clear()


def answer_of(question: DatabaseQuestion) -> Answer:
    """As a report gets it, within its limit."""
    began = time.monotonic()
    answers = ask_all({Name.DATABASE: Probe(question, lambda: question.has_connected)})
    assert time.monotonic() - began < LIMIT_SECONDS + SLACK_SECONDS
    return answers[Name.DATABASE]


def server_sees(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            [name],
        )
        return cursor.fetchone()[0]


def test_uses_a_connection_of_its_own_and_closes_it(question):
    usual = connections["default"]
    with own_connection():
        assert connections["default"] is not usual
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('application_name'), current_setting('statement_timeout')")
            name, limit = cursor.fetchone()
        assert name.endswith(" health") and limit == "1500ms"
    assert connections["default"] is usual
    assert isinstance(answer_of(question), DatabaseFacts)
    deadline = time.monotonic() + SLACK_SECONDS
    while server_sees(name):
        assert time.monotonic() < deadline, "a backend ends a moment after its connection"
        time.sleep(0.05)


def test_keeps_an_operators_connection_options(transactional_db, monkeypatch):
    options = {**connection.settings_dict["OPTIONS"], "options": "-c work_mem=1MB -c statement_timeout=99s"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    with own_connection(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('work_mem'), current_setting('statement_timeout')")
        assert cursor.fetchone() == ("1MB", "1500ms")


@pytest.mark.slow
def test_locked_tables_are_no_outage(transactional_db, client, reports_anew):
    """A change of the schema in the course of an upgrade, say."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE jobs_job IN ACCESS EXCLUSIVE MODE")
        ready = client.get("/readyz")
    parts = ready.json()["components"]
    assert ready.status_code == 200
    assert (parts["database"]["status"], parts["database"]["code"]) == ("degraded", "busy")
    assert parts["queue"]["code"] == "database_busy"


@pytest.mark.slow
def test_late_answer_after_connecting_is_slow(question, monkeypatch):
    may_go_on = threading.Event()

    def facts() -> PendingMigrations:
        assert may_go_on.wait(30)
        return PendingMigrations(0)

    monkeypatch.setattr("health.probes.database_facts", facts)
    try:
        assert isinstance(answer_of(question), Slow)
    finally:
        may_go_on.set()


@pytest.mark.slow
def test_gives_up_a_server_that_falls_silent(transactional_db):
    began = time.monotonic()
    with pytest.raises(OperationalError) as caught, own_connection(), connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT pg_sleep(30)")
    assert isinstance(caught.value.__cause__, ServerSilent)
    assert time.monotonic() - began < 2 + SLACK_SECONDS


@contextmanager
def database_elsewhere(**settings: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setitem(connection.settings_dict, name, value)
        yield


def address_of(server: socket.socket) -> dict[str, str]:
    host, port = server.getsockname()
    return {"HOST": host, "PORT": str(port)}


@pytest.mark.slow
def test_server_that_does_not_answer_is_silent(question):
    with socket.create_server(("127.0.0.1", 0)) as silent, database_elsewhere(**address_of(silent)):
        assert isinstance(answer_of(question), Silent)


def test_missing_server_is_unreachable(question):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = address_of(closed)
    with database_elsewhere(**nowhere):
        assert isinstance(answer_of(question), Unreachable)
        assert not server_takes_connections()


def test_server_that_refuses_our_role_is_unreachable(question):
    """It lives, and a wrong password is an outage all the same."""
    with database_elsewhere(USER="nobody_knows_me"):
        assert server_takes_connections()
        assert isinstance(answer_of(question), Unreachable)


def test_asks_over_the_pool_where_the_server_is_full(question, monkeypatch):
    def full(_: object, params: object) -> None:
        raise psycopg.OperationalError("FATAL: sorry, too many clients already")

    monkeypatch.setattr("health.connection.BriefWrapper.get_new_connection", full)
    assert isinstance(answer_of(question), DatabaseFacts)
