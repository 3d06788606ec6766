"""Two organizations, and everything that the pages of the first one show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chromium import started_chromium
from tests.console.browser import TIMEOUT_MS
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
        "source": products.source(),
        "conversation": products.conversation(release, document),
        "job": version.job,
    }


@pytest.fixture
def page(monkeypatch) -> Iterator:
    # Playwright runs a loop in this thread, which Django would take for an asynchronous caller's.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with started_chromium(TIMEOUT_MS) as browser:
        page = browser.new_context().new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        yield page
        assert page.errors == []
