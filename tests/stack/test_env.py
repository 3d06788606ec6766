from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from config.env import Environment, database_settings, secret


def test_database_url_becomes_django_settings():
    given = database_settings("postgresql://k%40o:p%2Fw@db.example:6543/kosha?sslmode=verify-full")
    assert given["USER"] == "k@o"
    assert given["PASSWORD"] == "p/w"
    assert (given["HOST"], given["PORT"], given["NAME"]) == ("db.example", "6543", "kosha")
    assert given["OPTIONS"] == {"sslmode": "verify-full"}


def test_refuses_other_databases():
    with pytest.raises(ValueError, match="PostgreSQL only"):
        database_settings("sqlite:///db.sqlite3")


def test_secret_is_made_once_and_private(tmp_path):
    path = tmp_path / "deep" / "secret"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: secret(path), range(32)))
    assert len(made) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_lists_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("KOSHA_ALLOWED_HOSTS", "a.example, b.example,")
    assert Environment().allowed_hosts == ("a.example", "b.example")


def test_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")
    assert Environment().database_url is None


@pytest.mark.django_db
def test_tests_run_on_real_postgresql():
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
