"""The installation of a fault run: its disk can be filled, and its `up` may die."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import psycopg

from demo.installation import InstallationError
from tests.installation import IsolatedInstallation
from workers.orchestration.launchers.local.processes import processes_of_runs

DISK_BYTES = 3 * 1024**3
START_SECONDS = 180.0
BLOCK_BYTES = 4096
CODE = re.compile(r"CommandError: (\w+):")


class NotReached(InstallationError):
    """Something did not happen in time."""


class FaultyInstallation(IsolatedInstallation):
    """`folder` is a mount of its own where that is allowed (root), so that its disk can be filled."""

    may_die = True

    def __init__(self, folder: Path, **environment: str) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        # The sums of AMX depend on the number of threads, which a training changes beside small work: its losses would not
        # equal those of an undisturbed run to the bit. Without AMX they do.
        without_amx = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}
        super().__init__(folder / "var", TMPDIR=str(self.temporary), **without_amx, **environment)
        self.folder = folder
        self.backups = folder / "backups"

    # -- up and down --------------------------------------------------------------------------------
    def up(self) -> None:
        self.spawn()
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Until every service has a process and the web is ready."""
        deadline = time.monotonic() + START_SECONDS
        while missing := self._missing():
            if time.monotonic() > deadline:
                raise NotReached(f"{missing}\n{self.logs()}")
            time.sleep(0.2)  # between looks at other processes, not instead of one

    def _missing(self) -> str:
        """What does not run yet; empty where everything does."""
        if not self.is_running():
            state, ours = self.state, self.process.pid if self.process else None
            return f"`up` is {state.get('state')} as {state.get('pid')}, started as {ours}"
        if gone := [name for name in self.services() if self.service(name) is None]:
            return f"no process of {', '.join(gone)}"
        try:
            answer = httpx.get(self.state["base_url"] + "/readyz", timeout=10)
        except httpx.TransportError as error:
            return f"/readyz: {type(error).__name__}"
        return "" if answer.status_code == 200 else f"/readyz: {answer.status_code} {answer.text[:2000]}"

    def wait_for(self, what: str, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise NotReached(f"not within {seconds:g} s: {what}")
            time.sleep(0.1)  # between looks at other processes, not instead of one

    # -- backups ------------------------------------------------------------------------------------
    def back_up(self) -> str:
        """`made`, `timeout`, or the code of the error; raises AssertionError where the error has none."""
        before = [folder for folder in self.backups.glob("*") if folder.is_dir()]
        try:
            done = self.manage("backup", str(self.backups))
        except subprocess.TimeoutExpired:
            return "timeout"
        if done.returncode:
            code = CODE.search(done.stderr)
            assert code is not None and "Traceback" not in done.stderr, done.stderr
            return code[1]
        for earlier in before:
            shutil.rmtree(earlier, ignore_errors=True)  # an unfinished one may have been continued
        return "made"

    def restore_elsewhere(self) -> list[str]:
        """The error of restoring the newest backup into an empty place; none if it was restored."""
        place = IsolatedInstallation(self.folder / "restored")
        try:
            done = place.manage("restore", str(self.backups))
            return [done.stderr.strip()[-300:]] if done.returncode else []
        finally:
            place.end()

    # -- processes ----------------------------------------------------------------------------------
    def service(self, name: str) -> psutil.Process | None:
        pid = self.state.get("services", {}).get(name, {}).get("pid")
        return _process(pid) if pid else None

    def services(self) -> list[str]:
        return list(self.state.get("services", {}))

    def running(self, module: str) -> list[psutil.Process]:
        """Its processes that run `python -m <module>`."""
        return [process for process in self.processes() if f" -m {module} " in f"{_command(process)} "]

    def children(self, name: str) -> list[psutil.Process]:
        parent = self.service(name)
        try:
            return parent.children() if parent else []
        except psutil.NoSuchProcess:
            return []

    def engines(self, name: str = "") -> list[psutil.Process]:
        """Every process that runs an engine; of a distributed run, all ranks."""
        return [process for process in self._of_runs() if _is_engine(process, name)]

    def run_supervisors(self) -> list[psutil.Process]:
        return [
            process
            for process in self._of_runs()
            if "workers.orchestration.launchers.local.supervisor" in _command(process)
        ]

    def _of_runs(self) -> list[psutil.Process]:
        found = (_process(pid) for pid, _ in processes_of_runs(self.runs))
        return sorted((process for process in found if process), key=lambda process: process.pid)

    @property
    def runs(self) -> Path:
        return self.var / "storage" / "runs"

    # -- its database -------------------------------------------------------------------------------
    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.state["database_url"], autocommit=True, connect_timeout=3)

    def ask_as_superuser(self, statement: str) -> None:
        """As PostgreSQL's superuser, in its maintenance database: for what the application may not do."""
        password = (self.var / "postgres" / "superuser_password").read_text().strip()
        port = self.state["database_url"].rpartition(":")[2].partition("/")[0]
        address = {"host": "127.0.0.1", "port": port, "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**address, password=password, autocommit=True, connect_timeout=3) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    # -- its disk -----------------------------------------------------------------------------------
    @property
    def has_own_disk(self) -> bool:
        return os.path.ismount(self.folder)

    def fill_disk(self) -> None:
        """Leave no free block: what is written from now on does not fit."""
        facts = os.statvfs(self.folder)
        with open(self.folder / "filling", "ab", buffering=0) as file, contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(1, (facts.f_bavail - 1) * facts.f_frsize))
        with open(self.folder / "filling", "ab", buffering=0) as file:
            try:
                while file.write(b"\0" * BLOCK_BYTES):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def empty_disk(self) -> None:
        (self.folder / "filling").unlink(missing_ok=True)


def mount_disk(folder: Path) -> bool:
    """Mount a disk of a fixed size at `folder`; False where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "kosha-faults", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


def _process(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _is_engine(process: psutil.Process, name: str) -> bool:
    command = _command(process)
    return (
        "config.json" in command
        and "workers.engines.shared.torchrun" not in command
        and f"-m workers.engines.{name}" in command
    )
