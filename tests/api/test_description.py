"""The API describes itself, and its documentation page loads only local files."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from middleware.route_rules import route_rules


@pytest.fixture
def description(db):
    answer = Client().get("/v1/openapi.json")
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_describes_every_route_with_its_key(description):
    described = {
        f"{method.upper()} {path.removeprefix('/').replace('{', '<').replace('}', '>')}"
        for path, methods in description["paths"].items()
        for method in methods
    }
    hidden = {"GET v1/openapi.json", "GET v1/docs"}
    assert described == {key for key in route_rules() if " v1/" in key} - hidden
    assert description["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    assert description["security"] == [{"key": []}]


def test_every_operation_has_a_summary_and_a_unique_name(description):
    operations = [each for methods in description["paths"].values() for each in methods.values()]
    assert all(operation["summary"] for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))


def test_docs_page_loads_only_local_files_under_the_strict_policy(db):
    answer = Client().get("/v1/docs")
    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "default-src 'none'" in policy
    page = answer.content.decode()
    assert "http://" not in page and "https://" not in page
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) >= 3
    for address in loaded:
        assert finders.find(address.removeprefix("/static/")), address
    inline = re.findall(r"<script(?![^>]*src=)([^>]*)>", page)
    assert all('type="application/json"' in attributes for attributes in inline)
    assert "style=" not in page and "<style" not in page
