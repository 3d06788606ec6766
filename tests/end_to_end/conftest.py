"""One real installation for all tests of the road, and a fresh organization in it."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from tests.end_to_end.client import connect
from tests.end_to_end.invention import Company
from tests.engines.training.tiny import make_model
from tests.stack.installation import ONE_CORE, Installation

CAUSAL, EMBEDDING, TINY = "smollm2-135m", "e5-small", "tiny"
SEED = "KOSHA_TEST_SEED"


@pytest.fixture(autouse=True)
def shown_seed() -> None:
    print(f"the invented company follows from {SEED}={seed()}")


def seed() -> int:
    """Another company each time, unless the one of a failure is asked for."""
    return int(os.environ.setdefault(SEED, str(secrets.randbelow(10**9))))


@pytest.fixture(scope="session")
def models(repository: Path) -> Path:
    folder = repository / "var" / "models"
    for name in (CAUSAL, EMBEDDING):
        if not (folder / name).is_dir():
            reason = f"`make models` makes {folder / name}"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def kosha(repository: Path, models: Path) -> Iterator[Installation]:
    """The embedded stack with three base models; nothing of it is left at the end."""
    with tempfile.TemporaryDirectory(prefix="kosha-road-", ignore_cleanup_errors=True) as name:
        # PostgreSQL's unprivileged account must get at its folder inside.
        Path(name).chmod(0o755)
        tiny = make_model(Path(name) / "models" / TINY)
        roots = os.pathsep.join([str(models), str(tiny.parent)])
        installation = Installation(repository, Path(name) / "var", KOSHA_MODEL_ROOTS=roots, **ONE_CORE)
        try:
            installation.up()
            register(installation, models / CAUSAL, models / EMBEDDING, tiny)
            yield installation
            installation.stop()
            assert installation.processes() == []
        finally:
            installation.end()


def register(installation: Installation, *folders: Path) -> None:
    """Base model folders under their own names."""
    terms = ("--licence", "as named in NOTICE")
    kinds = ["embedding" if folder.name == EMBEDDING else "causal_lm" for folder in folders]
    installation.ask_each(
        *(
            ("base_model_register", folder.name, str(folder), "--kind", kind, *terms)
            for folder, kind in zip(folders, kinds, strict=True)
        )
    )


@dataclass(frozen=True)
class People:
    """An organization's owner and reviewer: their clients of the API and their ways into the console."""

    owner: openai.OpenAI
    reviewer: openai.OpenAI
    owner_login: tuple[str, str]
    reviewer_login: tuple[str, str]


def organize(installation: Installation, slug: str) -> People:
    """A new organization with two people and their keys."""
    made = installation.ask(
        "organization_create", "--name", f"株式会社{slug}", "--slug", slug, "--key", "test",
        "--owner", f"owner@{slug}.example", "--reviewer", f"reviewer@{slug}.example",
    )  # fmt: skip
    base_url = installation.state["base_url"]
    owner, reviewer = made["owner"], made["reviewer"]
    return People(
        owner=connect(base_url, owner["api_key"]),
        reviewer=connect(base_url, reviewer["api_key"]),
        owner_login=(owner["email"], owner["password"]),
        reviewer_login=(reviewer["email"], reviewer["password"]),
    )


@pytest.fixture(scope="module")
def people(kosha: Installation, request: pytest.FixtureRequest) -> People:
    """An organization for each test module: none sees what another one left."""
    return organize(kosha, request.module.__name__.rpartition(".")[2].replace("_", "-"))


@pytest.fixture(scope="module")
def owner(people: People) -> openai.OpenAI:
    return people.owner


@pytest.fixture(scope="module")
def reviewer(people: People) -> openai.OpenAI:
    return people.reviewer


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(seed())
