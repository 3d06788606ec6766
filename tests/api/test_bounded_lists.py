"""What is stored of a caller's own words is short, and no list is longer than its limit in bytes."""

from __future__ import annotations

import json

import pytest

from common import pagination
from common.pagination import LIST_BYTES, bounded
from documents.selectors import pages_path

pytestmark = pytest.mark.slow

FULL = {f"{number:02}" + "k" * 62: "値" * 512 for number in range(16)}
"""The longest metadata."""


def bodies(world) -> dict[str, dict]:
    """Every request that takes metadata."""
    world.base_model(), world.embedding_model()
    version = world.dataset_version()
    source = {"dataset_version": version.id, "model": "gemma"}
    return {
        "fine_tuning/jobs": {"model": "gemma", "training_file": version.id},
        "vector_stores": {"name": "a"},
        f"vector_stores/{world.knowledge_base([]).id}": {},
        "evals": {"name": "a"},
        f"evals/{world.suite().id}/runs": {"data_source": source},
    }


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(
    ("metadata", "is_taken"),
    [
        ({}, True),
        ({"": ""}, True),
        (FULL, True),
        ({**FULL, "one more": ""}, False),
        ({"k" * 65: "v"}, False),
        ({"k": "v" * 513}, False),
        ({"k": 1}, False),
        ({"k": None}, False),
        ({"k": {"a": "b"}}, False),
        ([], False),
        ({"k" * 10**6: "v"}, False),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_metadata_has_openais_limits(api, world, place, metadata, is_taken):
    path, body = list(bodies(world).items())[place]
    answer = api.post(path, {**body, "metadata": metadata})
    if is_taken:
        assert answer.ok["metadata"] == metadata
    else:
        status, code, param = answer.error
        assert (status, code, param.partition(".")[0]) == (400, "invalid_value", "metadata")
        assert len(answer.content) < 2000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("recipes", {"name": "r", "steps": [{"type": "segment", "x": "y" * 70_000}]}),
        ("evals", {"tasks": [{"type": "question_answering", "x": "y" * 70_000}]}),
        ("releases", {"model": "gemma", "generation": {"x": "y" * 70_000}}),
        ("fine_tuning/jobs", {"model": "m", "training_file": "f", "hyperparameters": {"x": "y" * 70_000}}),
        ("fine_tuning/jobs", {"model": "m", "training_file": "f", "checkpoint": {"x": "y" * 70_000}}),
        ("fine_tuning/jobs", {"model": "m", "training_file": "f", "distributed": {"x": "y" * 70_000}}),
    ],
)
def test_settings_are_short(api, path, body):
    answer = api.post(path, body)
    assert answer.error[:2] == (400, "invalid_value")
    assert "65536" in answer.body["error"]["message"]


def test_the_longest_metadata_fits_into_a_list(api, world):
    world.embedding_model()
    made = [api.post("vector_stores", {"name": "a", "metadata": FULL}).ok["id"] for _ in range(3)]
    answer = api.get("vector_stores", limit=100)
    assert [store["id"] for store in answer.ok["data"]] == made[::-1]
    assert len(answer.content) < LIST_BYTES


def every(api, path, key="last_id"):
    """All items, and the bytes of the longest page."""
    items, after, longest = [], None, 0
    while True:
        answer = api.get(path, limit=100, **({"after": after} if after is not None else {}))
        longest = max(longest, len(json.dumps(answer.ok["data"], ensure_ascii=False).encode()))
        items += answer.ok["data"]
        if not answer.ok["has_more"]:
            return items, longest
        assert answer.ok["data"], "a page has one item at least"
        after = answer.ok[key]


@pytest.fixture
def short_lists(monkeypatch):
    """Lists of at most 3,000 bytes."""
    monkeypatch.setattr(pagination, "LIST_BYTES", 3000)
    return 3000


def test_a_list_goes_on_where_its_bytes_ended(api, world, short_lists):
    world.embedding_model()
    made = [api.post("vector_stores", {"metadata": {"k": "v" * 500}}).ok["id"] for _ in range(9)]
    items, longest = every(api, "vector_stores")
    assert [item["id"] for item in items] == made[::-1]
    assert 0 < longest <= short_lists + 200


def test_an_item_longer_than_a_list_comes_alone(api, world, short_lists):
    world.embedding_model()
    long = {f"{number}": "v" * 512 for number in range(10)}
    made = [api.post("vector_stores", {"metadata": long}).ok["id"] for _ in range(2)]
    items, longest = every(api, "vector_stores")
    assert [item["id"] for item in items] == made[::-1]
    assert longest > short_lists


def test_pages_of_a_document_come_in_parts(api, world, short_lists):
    texts = [f"{number} " + "本文" * 400 for number in range(5)]
    document = world.document()
    lines = [
        json.dumps({"kind": "page", "number": number, "text": text}, ensure_ascii=False)
        for number, text in enumerate(texts, start=1)
    ]
    pages_path(document.current_revision).write_text("\n".join(lines), encoding="utf-8")
    items, longest = every(api, f"files/{document.id}/pages")
    assert [item["text"] for item in items] == texts
    assert longest <= short_lists


@pytest.mark.parametrize(
    ("sizes", "limit", "taken", "has_more"),
    [
        pytest.param([], 5, 0, False, id="nothing"),
        pytest.param([1000, 2000], 5, 2, False, id="fits exactly"),
        pytest.param([1000, 2000, 1], 5, 2, True, id="one byte too many"),
        pytest.param([9000], 5, 1, False, id="a long one alone"),
        pytest.param([9000, 1, 1], 5, 1, True, id="a long one first"),
        pytest.param([1, 1, 1], 2, 2, True, id="more than the limit"),
        pytest.param([1, 1, 1], None, 3, False, id="no limit"),
    ],
)
def test_items_are_taken_while_they_fit_and_no_further_one_is_read(
    short_lists, sizes, limit, taken, has_more
):
    items = iter(sizes)
    assert bounded(items, lambda size: size, limit=limit) == (sizes[:taken], has_more)
    assert list(items) == sizes[taken + has_more :]
