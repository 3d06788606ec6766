"""The home page: the next step, what needs a person, what runs, what is served."""

from __future__ import annotations

import re

import pytest

from tests.console.pages import text

pytestmark = pytest.mark.slow


def test_home_names_the_next_step(company):
    client = company.client("editor")
    assert "Next: Documents" in re.sub(r"\s+", " ", text(client.get("/")))
    document = company.document()
    company.document("暗号.pdf", state="error")
    page = re.sub(r"\s+", " ", text(client.get("/")))
    assert "Next: Dataset" in page
    assert "Documents that could not be read: 1" in page
    company.version(company.dataset(), document)
    assert "Next: Training" in re.sub(r"\s+", " ", text(client.get("/")))


def test_home_says_when_the_role_does_not_allow_the_next_step(company):
    page = text(company.client("viewer").get("/"))
    assert "Your role does not allow this" in page
