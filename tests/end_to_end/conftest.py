"""One real installation for all end-to-end tests, and a new organization in it for each module."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.invented_company import Company
from tests.engines.training.tiny import make_model
from tests.installation import (
    CAUSAL,
    EMBEDDING,
    ONE_CORE,
    TINY,
    IsolatedInstallation,
    Member,
    Organization,
    create_organization,
    models_or_skip,
    register_models,
    running_installation,
    temporary_folder,
)

SEED = "KOSHA_TEST_SEED"


def seed() -> int:
    """Another one each time, unless the one of a failure is given."""
    return int(os.environ.setdefault(SEED, str(secrets.randbelow(10**9))))


@pytest.fixture(autouse=True)
def printed_seed() -> None:
    print(f"the invented company follows from {SEED}={seed()}")


@pytest.fixture(scope="session")
def models() -> Path:
    return models_or_skip(CAUSAL, EMBEDDING)


@pytest.fixture(scope="session")
def kosha(models: Path) -> Iterator[IsolatedInstallation]:
    """The embedded stack with three base models."""
    with temporary_folder("end-to-end") as folder:
        tiny = make_model(folder / "models" / TINY)
        roots = os.pathsep.join([str(models), str(tiny.parent)])
        with running_installation(folder / "var", KOSHA_MODEL_ROOTS=roots, **ONE_CORE) as kosha:
            register_models(kosha, models / CAUSAL, models / EMBEDDING, tiny)
            yield kosha


@pytest.fixture(scope="module")
def organization(kosha: IsolatedInstallation, request: pytest.FixtureRequest) -> Organization:
    """A new one for each test module."""
    return create_organization(kosha, request.module.__name__.rpartition(".")[2].replace("_", "-"))


@pytest.fixture(scope="module")
def owner(organization: Organization) -> Member:
    return organization.owner


@pytest.fixture(scope="module")
def reviewer(organization: Organization) -> Member:
    return organization.reviewer


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(seed())
