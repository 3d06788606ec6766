"""PostgreSQL's folder as an `up` leaves it after its first migrations, made once for a whole test session."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

SECONDS = 60
MIGRATE = """
from backup.databases import embedded_database
from config.env import environment
from django.core.management import call_command
with embedded_database(environment()):
    call_command("migrate", verbosity=0, skip_checks=True)
"""


def put_ready_database(repository: Path, var: Path) -> None:
    """Give a new `var/` its database; outside of a test session it makes its own."""
    session = os.environ.get("KOSHA_TEST_SESSION")
    if session is None or (var / "postgres").exists():
        return
    ready = Path(session) / "ready_database"
    with open(f"{ready}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            _make(repository, ready)
    var.mkdir(parents=True, exist_ok=True)
    # `up` gives it to the servers' account again.
    shutil.copytree(ready / "postgres", var / "postgres")


def _make(repository: Path, ready: Path) -> None:
    folder = ready.with_suffix(".partial")
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", MIGRATE]
    environment = {**os.environ, "KOSHA_VAR": str(folder)}
    subprocess.run(command, cwd=repository, env=environment, check=True, timeout=SECONDS)
    folder.rename(ready)
