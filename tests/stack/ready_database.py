"""PostgreSQL's folder as an `up` leaves it after its first migrations, made once for a whole test session."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from stack.processes import free_port, kill_groups, signal_group, spawn, wait_all
from stack.servers import EmbeddedPostgres

SECONDS = 60


def put_ready_database(repository: Path, var: Path) -> None:
    """Give a new `var/` its database; outside of a test session it makes its own."""
    session = os.environ.get("KOSHA_TEST_SESSION")
    if session is None or (var / "postgres").exists():
        return
    template = Path(session) / "ready_database"
    with open(f"{template}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            _make(repository, template)
    var.mkdir(parents=True, exist_ok=True)
    # `up` gives it to the servers' account again.
    shutil.copytree(template, var / "postgres")


def _make(repository: Path, template: Path) -> None:
    folder = template.with_suffix(".partial")
    postgres = EmbeddedPostgres(folder, free_port())
    postgres.prepare()
    server = spawn(postgres.command(), log=Path(f"{template}.log"), directory=Path("/"))
    try:
        deadline = time.monotonic() + SECONDS
        while not postgres.is_ready():
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.02)  # between looks at another process, not instead of one
        postgres.after_start()
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0", "--skip-checks"]
        environment = {**os.environ, "DATABASE_URL": postgres.url, "KOSHA_VAR": f"{template}.var"}
        subprocess.run(command, cwd=repository, env=environment, check=True, timeout=SECONDS)
        signal_group(server, signal.SIGINT)
        assert not wait_all([server], SECONDS)
    finally:
        kill_groups([server])
    folder.rename(template)
