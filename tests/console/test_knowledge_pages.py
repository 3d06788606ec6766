"""The knowledge base pages: documents, builds, and a search to try them."""

from __future__ import annotations

import pytest

from tests.console.products import base_model

pytestmark = pytest.mark.slow


def test_documents_are_added_and_removed(products, company):
    document, other = company.document("a.txt"), company.document("b.txt")
    base_model("tiny-e5", "embedding")
    client = company.client()
    address = client.post(
        "/knowledge/new", {"name": "規程", "personal_data": "raw", "documents": [document.id]}
    ).url
    client.post(f"{address}/add", {"documents": [other.id]})
    client.post(f"{address}/remove/{document.id}")
    body = client.get(address).content.decode()
    assert f"remove/{other.id}" in body and f"remove/{document.id}" not in body


def test_an_index_is_built_again_with_a_button(everything, company):
    knowledge, client = everything["knowledge"], company.client()
    address = knowledge.get_absolute_url()
    assert f'action="{address}/build-again"' in client.get(address).content.decode()
    for expected in ("The index is built again", "An index is being built already"):
        answer = client.post(f"{address}/build-again", follow=True).content.decode()
        assert expected in answer and f'action="{address}/build-again"' not in answer


def test_a_search_without_a_model_server_says_so(everything, company, settings):
    settings.MODEL_SERVER_URL = "http://127.0.0.1:9"
    body = company.client().get(f"{everything['knowledge'].get_absolute_url()}?q=日当").content.decode()
    assert "The model server does not answer" in body
