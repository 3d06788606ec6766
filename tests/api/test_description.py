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


REFUSED = {
    "CompletionBody": (
        "tools tool_choice functions function_call logprobs top_logprobs logit_bias metadata store n audio "
        "service_tier modalities prediction reasoning_effort verbosity web_search_options"
    ),
    "ChatMessage": "name refusal audio tool_calls function_call",
    "JobBody": "validation_file integrations",
    "Method": "dpo reinforcement",
    "UploadBody": "expires_after",
    "StoreBody": "description expires_after chunking_strategy",
    "StoreChange": "expires_after",
    "StoreFileBody": "attributes chunking_strategy",
    "BatchBody": "attributes chunking_strategy",
    "SearchRequest": "filters ranking_options rewrite_query",
}


@pytest.mark.parametrize("schema", REFUSED)
def test_says_of_each_refused_field_that_it_is_not_supported(description, schema):
    fields = description["components"]["schemas"][schema]["properties"]
    said = {
        name for name, field in fields.items() if field.get("description", "").startswith("Not supported")
    }
    assert said == set(REFUSED[schema].split())


@pytest.mark.parametrize(
    ("path", "facts"),
    [
        ("/v1/files", ["next revision of the same file"]),
        (
            "/v1/chat/completions",
            ["message.kosha", "annotations", "sentence by sentence", "1,000,000 characters"],
        ),
        ("/v1/fine_tuning/jobs", ["packed sequences", "kosha.hyperparameters"]),
    ],
)
def test_says_what_a_client_would_trip_over(description, path, facts):
    text = description["paths"][path]["post"]["description"]
    assert [fact for fact in facts if fact not in text] == []


def test_names_the_default_of_the_longest_answer(description):
    fields = description["components"]["schemas"]["CompletionBody"]["properties"]
    assert all("256" in fields[name]["description"] for name in ("max_tokens", "max_completion_tokens"))
