"""An installation on the session's PostgreSQL, and empty places to restore it into.

It is made once; each test works on a copy of its database (PostgreSQL copies one quickly) and folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
from django.db import connection
from django.test import override_settings
from psycopg import sql

from backup.archive import BackupInfo
from backup.creation import BackupRun
from backup.errors import BackupError
from backup.post_restore import Restored
from backup.restoration import RestoreRun
from config.env import Environment
from tests.backup.world_on_disk import fill
from tests.template_database import template_database

KEY = "k" * 40
WHEN_COPIED = "backup.creation.BackupRun._copy_secret_key"


@dataclass
class Place:
    """One installation: a `var/` and a database of the session's server."""

    var: Path
    database: str

    @property
    def url(self) -> str:
        return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{self.database}"

    @property
    def env(self) -> Environment:
        return Environment(var=self.var, DATABASE_URL=self.url, secret_key=None)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Work as a process of this installation."""
        before = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = self.database
        try:
            with override_settings(KOSHA_VAR=self.var, KOSHA_STORAGE_ROOT=self.var / "storage"):
                yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before

    def back_up(self, folder: Path, **options: Any) -> tuple[Path, BackupInfo]:
        with self.here():
            return BackupRun(self.env, folder, progress=print, **options).run()

    def inside(self, path: Path) -> str:
        """Where a backup holds the file of the storage or of a base model."""
        if path.is_relative_to(self.var):
            return path.relative_to(self.var).as_posix()
        return f"models/{path.relative_to(path.parents[1]).as_posix()}"

    def restore(self, backup: Path) -> Restored:
        with self.here():
            return RestoreRun(self.env, backup, progress=print).run()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as other:
            return other.execute(query).fetchall()


def refusal(call: Callable[..., object], *arguments: Any, **options: Any) -> str:
    """The code of the BackupError that `call` raises."""
    with pytest.raises(BackupError) as refused:
        call(*arguments, **options)
    assert len(refused.value.sentence) > 20
    return refused.value.code


def interrupt(call: Callable[..., object], *arguments: Any, at: str, **options: Any) -> None:
    """Kill `call` where it calls the function `at`."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(at, Mock(side_effect=KeyboardInterrupt))
        call(*arguments, **options)


@contextmanager
def database(template: str = "template1") -> Iterator[str]:
    name = f"kosha_backup_{secrets.token_hex(4)}"
    _serve("CREATE DATABASE {} TEMPLATE {}", name, template)
    try:
        yield name
    finally:
        _serve("DROP DATABASE {} WITH (FORCE)", name)


def _serve(command: str, *names: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def filled(django_db_blocker, tmp_path_factory) -> Iterator[Place]:
    """An installation with content; it is copied, never changed."""
    var = tmp_path_factory.mktemp("filled")
    (var / "storage").mkdir()
    (var / "secret_key").write_text(KEY)
    with django_db_blocker.unblock(), database(template_database()) as name:
        place = Place(var, name)
        with place.here():
            fill()
        yield place


@pytest.fixture(scope="session")
def made(filled: Place, tmp_path_factory) -> Path:
    """A backup of it."""
    return filled.back_up(tmp_path_factory.mktemp("backups"))[0]


@pytest.fixture
def backup(made: Path, tmp_path: Path) -> Path:
    """A copy of that backup, which a test may change."""
    return Path(shutil.copytree(made, tmp_path / "backups" / made.name))


@contextmanager
def working(filled: Place, var: Path) -> Iterator[Place]:
    """A copy of it in `var`, in which the block works."""
    shutil.copytree(filled.var, var)
    with database(filled.database) as name:
        place = Place(var, name)
        with place.here():
            yield place


@pytest.fixture
def place(filled: Place, tmp_path: Path, django_db_blocker) -> Iterator[Place]:
    """A working installation."""
    with django_db_blocker.unblock(), working(filled, tmp_path / "old") as place:
        yield place


@pytest.fixture(scope="module")
def restored(made: Path, tmp_path_factory, django_db_blocker) -> Iterator[tuple[Place, Restored]]:
    """Another place with that backup; for looking only."""
    with django_db_blocker.unblock(), database() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.clusters._machine", lambda: {"cpus": 3, "memory_bytes": 1 << 33})
        place = Place(tmp_path_factory.mktemp("restored"), name)
        yield place, place.restore(made.parent)


@pytest.fixture
def elsewhere(tmp_path: Path, django_db_blocker) -> Iterator[Place]:
    """An empty place."""
    (tmp_path / "new").mkdir()
    with django_db_blocker.unblock(), database() as name:
        yield Place(tmp_path / "new", name)


@pytest.fixture(scope="module")
def empty_database(django_db_blocker) -> Iterator[str]:
    """For tests that leave it empty."""
    with django_db_blocker.unblock(), database() as name:
        yield name
