"""The commands on an installation that is down: back up, verify, restore elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.state import lock, restore_marker
from tests.installation import IsolatedInstallation, temporary_folder
from tests.stack.ready_database import put_ready_database

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

FILL = """
import django
django.setup()
from backup.databases import embedded_database
from config.env import environment
from stack.state import lock
from tests.backup.world_on_disk import fill
env = environment()
with lock(env.var), embedded_database(env):
    fill()
"""


@pytest.fixture(scope="module")
def places() -> Iterator[Path]:
    with temporary_folder("commands") as folder:
        yield folder


@pytest.fixture(scope="module")
def stopped(repository, places) -> IsolatedInstallation:
    """An installation that was used and is down."""
    installation = IsolatedInstallation(places / "old")
    put_ready_database(repository, installation.var)
    withheld = ("DATABASE_URL", "REDIS_URL", "KOSHA_SECRET_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in withheld}
    path = os.pathsep.join([str(repository / "platform"), str(repository)])
    environment |= {"KOSHA_VAR": str(installation.var), "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", FILL], cwd=repository, env=environment, check=True)
    return installation


def test_backs_up_and_restores_a_stopped_installation(repository, stopped, places):
    made = stopped.ask("backup", str(places / "b"))
    assert (made["fault_count"], made["organizations"], made["jobs_in_flight"]) == (0, 1, 1)
    assert stopped.ask("backup", "--verify", str(places / "b"))["files"] == made["files"]
    new = IsolatedInstallation(places / "new")
    restored = new.ask("restore", str(places / "b"))
    assert (restored["organizations"], restored["jobs_continued"]) == (1, 1)
    assert (new.var / "secret_key").read_text() == (stopped.var / "secret_key").read_text()
    assert not restore_marker(new.var).exists()
    # What is restored can be backed up again, and is the same.
    again = new.ask("backup", str(places / "b2"))
    assert again["fault_count"] == 0
    refused = new.manage("restore", str(places / "b"))
    assert refused.returncode == 1 and "restore_not_empty" in refused.stderr
    assert stopped.processes() == [] and new.processes() == []


def test_refuses_an_interrupted_restore(repository, places):
    half = IsolatedInstallation(places / "half")
    half.var.mkdir()
    restore_marker(half.var).write_text("{}")
    for command in (["up"], ["backup", str(places / "b3")]):
        refused = half.manage(*command)
        assert refused.returncode == 1 and "was interrupted" in refused.stderr


def test_prints_no_password_and_no_key(stopped, places):
    done = stopped.manage("backup", str(places / "b"))
    said = done.stdout + done.stderr
    assert done.returncode == 0
    for secret in (stopped.var / "secret_key", stopped.var / "postgres" / "password"):
        assert secret.read_text() not in said


def test_refuses_an_installation_that_is_starting(stopped, places):
    """Its lock is held and nothing answers yet: no second server is started."""
    with lock(stopped.var):
        refused = stopped.manage("backup", str(places / "b"))
    assert refused.returncode == 1 and "database_unreachable" in refused.stderr
