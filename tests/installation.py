"""A real installation on a `var` folder of its own, as tests and benchmarks start it, and what they put into it."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from demo.account import new_password
from demo.client import ApiClient
from demo.installation import ROOT, Installation
from tests.stack.ready_database import put_ready_database

if TYPE_CHECKING:
    import openai

# The log of a failed test shall not consist of the requests of its client.
logging.getLogger("httpx2").setLevel(logging.WARNING)

CAUSAL, EMBEDDING, TINY = "smollm2-135m", "e5-small", "tiny"
# For tests that share the machine's cores with others: threads that wait for one another at each matrix
# product come to a crawl where the cores are busy (six steps of SmolLM2: 88 s on two threads, 8 s on one).
ONE_CORE = {"KOSHA_JOB_CORES": "1", "KOSHA_THREADS": "1"}
# A training of two processes needs two cores.
TWO_CORES = {**ONE_CORE, "KOSHA_JOB_CORES": "2"}
WITHHELD = ("DATABASE_URL", "REDIS_URL", "KOSHA_SECRET_KEY", "KOSHA_TEST_SESSION", "KOSHA_PROCESS")
"""Variables of the test session's own servers and of its process, which is a web where a test imports `config.asgi`."""


class IsolatedInstallation(Installation):
    """Shares neither servers nor ports with any other; a new `var` begins with a migrated database."""

    def __init__(self, var: Path, *, begins_empty: bool = False, **environment: str) -> None:
        log = var.with_name(f"{var.name}-up.log")
        super().__init__(var, log=log, **{"KOSHA_PORT": "0", **environment})
        self._begins_empty = begins_empty
        for name in set(WITHHELD) - set(environment):
            self.environment.pop(name, None)

    def spawn(self) -> None:
        if not self._begins_empty and "DATABASE_URL" not in self.environment:
            put_ready_database(ROOT, self.var)
        super().spawn()

    def end(self) -> None:
        """Kill what is left, however a test ended. After `stop` nothing is."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def processes(self) -> list[psutil.Process]:
        """Every live process that has this `var` in its command or its environment."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            if str(self.var) in " ".join(process.cmdline()):
                return True
            return process.environ().get("KOSHA_VAR") == str(self.var)
        except psutil.Error:
            return False


@contextlib.contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A folder for installations. PostgreSQL's unprivileged account must reach its own folder inside."""
    with tempfile.TemporaryDirectory(prefix=f"kosha-{purpose}-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def running_installation(var: Path, **environment: str) -> Iterator[IsolatedInstallation]:
    """Started at the beginning and stopped at the end, after which none of its processes is left."""
    installation = IsolatedInstallation(var, **environment)
    try:
        installation.up()
        yield installation
        installation.stop()
        assert installation.processes() == []
    finally:
        installation.end()


MODELS = ROOT / "var" / "models"


def missing_models(*names: str) -> str:
    """Which of the demo models are not converted yet; empty where all are."""
    missing = [str(MODELS / name) for name in names if not (MODELS / name).is_dir()]
    return f"`make models` makes {', '.join(missing)}" if missing else ""


def models_or_skip(*names: str) -> Path:
    """The folder of the demo models. Without them the test is skipped; in CI it fails."""
    if reason := missing_models(*names):
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return MODELS


def register_models(installation: Installation, *folders: Path) -> None:
    """Base models under the names of their folders."""
    installation.ask_each(
        *(
            (
                "base_model_register", folder.name, str(folder), "--licence", "as named in NOTICE",
                "--kind", "embedding" if folder.name == EMBEDDING else "causal_lm",
            )
            for folder in folders
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A person of an organization: a key for the API, an account for the console."""

    base_url: str
    api_key: str
    email: str
    password_link: str
    """With which the person sets their first password."""

    @cached_property
    def password(self) -> str:
        return new_password(self.password_link)

    @cached_property
    def api(self) -> ApiClient:
        return ApiClient(self.base_url, self.api_key)

    @cached_property
    def openai(self) -> openai.OpenAI:
        """The stock client."""
        import openai

        return openai.OpenAI(base_url=f"{self.base_url}/v1", api_key=self.api_key, max_retries=0, timeout=180)


@dataclass(frozen=True)
class Organization:
    id: str
    owner: Member
    reviewer: Member


def create_organization(installation: Installation, slug: str) -> Organization:
    """A new organization with two members."""
    made = installation.ask(
        "organization_create", "--name", f"株式会社{slug}", "--slug", slug, "--key", "test",
        "--owner", f"owner@{slug}.example", "--reviewer", f"reviewer@{slug}.example",
    )  # fmt: skip
    owner, reviewer = (
        Member(installation.base_url, made[role]["api_key"], made[role]["email"], made[role]["password_link"])
        for role in ("owner", "reviewer")
    )
    return Organization(made["organization"], owner, reviewer)
