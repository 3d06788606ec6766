"""Starts one real PostgreSQL and one Valkey for the whole test session, then Django against them.

With `KOSHA_TEST_DATABASE_URL` and `KOSHA_TEST_REDIS_URL` set, those servers are used instead.
xdist's workers inherit the addresses from the process that started them.
"""

from __future__ import annotations

import atexit
import gc
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores SIGINT. Processes started here would inherit that, and Ctrl-C is tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

# Imported modules and collected tests live until the end; searching them for garbage takes a tenth of the time.
gc.set_threshold(100_000, 50, 100)

# Nothing has to survive the session.
FAST_POSTGRES = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}
STARTED = "KOSHA_TEST_SESSION"


def _start_session() -> None:
    folder = Path(tempfile.mkdtemp(prefix="kosha-tests-"))
    # The servers' unprivileged account must reach their folders inside.
    folder.chmod(0o755)
    os.environ.update(
        {
            STARTED: str(folder),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "KOSHA_VAR": str(folder / "var"),
            "KOSHA_SECRET_KEY": secrets.token_hex(),
            "KOSHA_ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            # The tests' models are too small for a second thread to help, and each worker has a core.
            "OMP_NUM_THREADS": "1",
        }
    )
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    from stack.processes import free_port
    from stack.servers import EmbeddedPostgres, EmbeddedValkey

    servers: dict[str, EmbeddedPostgres | EmbeddedValkey] = {}
    for variable, given in (
        ("DATABASE_URL", "KOSHA_TEST_DATABASE_URL"),
        ("REDIS_URL", "KOSHA_TEST_REDIS_URL"),
    ):
        if os.environ.get(given):
            os.environ[variable] = os.environ[given]
        elif variable == "DATABASE_URL":
            servers[variable] = EmbeddedPostgres(folder / "postgres", free_port(), FAST_POSTGRES)
        else:
            servers[variable] = EmbeddedValkey(folder / "valkey", free_port())
    for variable, server in servers.items():
        os.environ[variable] = server.url
        _start(server, folder)


def _start(server, folder: Path) -> None:
    from stack.processes import kill_groups, spawn

    server.prepare()
    log = folder / f"{server.name}.log"
    process = spawn(server.command(), log=log, directory=Path("/"))
    atexit.register(_stop, process)
    deadline = time.monotonic() + 60
    while not server.is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            kill_groups([process])
            raise RuntimeError(f"{server.name} did not start:\n{log.read_text()}")
        time.sleep(0.02)
    server.after_start()


def _stop(process: subprocess.Popen) -> None:
    from stack.processes import kill_groups, signal_group, wait_all

    signal_group(process, signal.SIGINT)
    kill_groups(wait_all([process], 5))


def _only_prints() -> bool:
    return any(
        argument in ("-h", "--help", "--version", "-V", "--markers", "--fixtures") for argument in sys.argv
    )


if STARTED not in os.environ and not _only_prints():
    _start_session()

if STARTED in os.environ:
    if worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
        # Django gives each worker a database of its own; this does the same for Valkey.
        os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{int(worker) % 16}"
    import django
    from django.conf import settings

    django.setup()
    settings.PASSWORD_HASHERS = ["tests.quick_hasher.QuickArgon2", *settings.PASSWORD_HASHERS]


# -- lanes -------------------------------------------------------------------------------------------
END_TO_END, LONGEST = "tests/end_to_end/", "test_pipeline.py"
MODULE_MARKS = re.compile(r"^pytestmark = (.*)$", re.MULTILINE)


def _excluded_markers(config: pytest.Config) -> set[str]:
    """The markers that `-m "not a and not b"` excludes; none for any other expression."""
    expression = config.option.markexpr
    return set() if " or " in expression else set(re.findall(r"\bnot (\w+)", expression))


def _module_markers(path: Path) -> set[str]:
    """The markers of a module as a whole, read without an import: torch takes seconds to import."""
    found = MODULE_MARKS.search(path.read_text(encoding="utf-8"))
    return set(re.findall(r"pytest\.mark\.(\w+)", found[1])) if found else set()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A module that is excluded as a whole is not imported either."""
    excluded = _excluded_markers(config)
    if not excluded or not (collection_path.name.startswith("test_") and collection_path.suffix == ".py"):
        return None
    return bool(excluded & _module_markers(collection_path)) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests begin first, so that at the end no core waits for another."""
    items.sort(key=lambda item: (item.path.name != LONGEST, item.get_closest_marker("services") is None))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One worker runs the longest module; another one runs the rest of `tests/end_to_end`, which shares one
    installation. One of several workers leaves out the modules that start servers while there are others: it
    computes while the others wait for their servers."""
    from xdist.scheduler.loadfile import LoadFileScheduling

    class ByInstallation(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return END_TO_END if file.startswith(END_TO_END) and not file.endswith(LONGEST) else file

        def _assign_work_unit(self, node: Any) -> None:
            if len(self.nodes) > 1 and node == self.nodes[-1]:
                scope = next((scope for scope in self.workqueue if not _starts_servers(scope)), None)
                if scope is not None:
                    self.workqueue.move_to_end(scope, last=False)
            super()._assign_work_unit(node)

    return ByInstallation(config, log) if config.option.dist == "loadfile" else None


def _starts_servers(scope: str) -> bool:
    return scope == END_TO_END or "services" in _module_markers(ROOT / scope)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Where `ml` is excluded, a test that imports torch fails: the fast lane stays fast."""
    yield
    if "ml" in _excluded_markers(item.config) and "torch" in sys.modules:
        pytest.fail("this test imports torch; mark it as `ml`", pytrace=False)
