"""Two organizations, and everything that the pages of the first one show."""

from __future__ import annotations

from typing import Any

import pytest

from tests.console.company import Company
from tests.console.products import Products


@pytest.fixture
def company(db) -> Company:
    return Company("ours")


@pytest.fixture
def stranger(db) -> Company:
    """Another organization, to which the things of the first one must look absent."""
    return Company("theirs")


@pytest.fixture
def products(company) -> Products:
    return Products(company)


@pytest.fixture
def everything(products) -> dict[str, Any]:
    """One of each thing that has a page, by a word for it."""
    version = products.dataset_version()
    document = products.company.document("旅費規程.txt")
    model = products.model(version)
    evaluation = products.evaluation(model, version)
    knowledge = products.knowledge([document])
    release = products.release(model, knowledge, state="published")
    return {
        "dataset": version.dataset,
        "version": version,
        "document": document,
        "run": products.run(version),
        "model": model,
        "evaluation": evaluation,
        "knowledge": knowledge,
        "release": release,
        "schedule": products.schedule(version),
        "conversation": products.conversation(release, document),
        "job": version.job,
    }
