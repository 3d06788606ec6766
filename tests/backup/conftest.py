"""An installation on the session's PostgreSQL, and empty places to restore it into."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from backup.making import Making
from backup.restoring import Restored, Restoring
from backup.sealed import Seal
from config.env import Environment
from tests.backup.world_on_disk import seal_artefacts, write_checkpoint
from tests.world import World, begin

KEY = "k" * 40


@dataclass
class Place:
    """One installation: a `var/` and a database of the session's server."""

    var: Path
    database: str
    settings: Any

    @property
    def url(self) -> str:
        return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{self.database}"

    @property
    def env(self) -> Environment:
        return Environment(var=self.var, DATABASE_URL=self.url, secret_key=None)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Be the process of this installation."""
        before = connection.settings_dict["NAME"], self.settings.KOSHA_VAR, self.settings.KOSHA_STORAGE_ROOT
        self._become(self.database, self.var, self.var / "storage")
        try:
            yield
        finally:
            self._become(*before)

    def _become(self, database: str, var: Path, storage: Path) -> None:
        connection.close()
        connection.settings_dict["NAME"] = database
        self.settings.KOSHA_VAR, self.settings.KOSHA_STORAGE_ROOT = var, storage

    def back_up(self, folder: Path, **options: Any) -> tuple[Path, Seal]:
        with self.here():
            return Making(self.env, folder, say=print, **options).run()

    def restore(self, backup: Path) -> Restored:
        with self.here():
            return Restoring(self.env, backup, say=print).run()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as other:
            return other.execute(query).fetchall()


@pytest.fixture
def place(tmp_path: Path, settings, transactional_db) -> Place:
    """A working installation: documents, artefacts, a run with checkpoints, jobs in every state."""
    name = str(connection.settings_dict["NAME"])
    place = Place(tmp_path / "old", name, settings)
    (place.var / "storage").mkdir(parents=True)
    (place.var / "secret_key").write_text(KEY)
    settings.KOSHA_VAR, settings.KOSHA_STORAGE_ROOT = place.var, place.var / "storage"
    with World("old") as world:
        model = world.model_version()
        world.evaluation(model)
        world.release(model, approved=True)
        knowledge_base = world.knowledge_base([world.document("知識.txt", "第2条 予備部品は二個。")])
        assert knowledge_base.current_build is not None
        world.upload("待.txt", "第3条 まだ読まれていない。")
        job = begin(world.training_run().job)
        for step in (2, 4):
            write_checkpoint(job.run_dir, step)
        (job.run_dir / "events.jsonl").write_text("")
        (job.run_dir / "owner").write_text(f'{{"pid": {os.getpid()}, "started": 1, "boot": "b"}}')
    seal_artefacts()
    return place


@pytest.fixture
def elsewhere(tmp_path: Path, settings, place: Place) -> Iterator[Place]:
    """An empty place."""
    name = f"kosha_restored_{secrets.token_hex(4)}"
    there = Place(tmp_path / "new", name, settings)
    there.var.mkdir()
    with _server() as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield there
    with _server() as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _server() -> psycopg.Connection:
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
