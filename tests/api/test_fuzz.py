"""No body that is sent to a POST route causes a 500."""

from __future__ import annotations

import json

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.client import ApiClient
from middleware.route_rules import route_rules
from tests.accounts.test_routes import Route
from tests.accounts.things import things
from tests.in_process import api_of

POSTS = [Route("POST", key.split(" ", 1)[1]) for key in route_rules() if key.startswith("POST v1/")]

# Valid field names, so that the bodies pass the first check, with unexpected values.
NAMES = st.sampled_from(
    [
        "name",
        "model",
        "file_ids",
        "file_id",
        "training_file",
        "suffix",
        "seed",
        "method",
        "hyperparameters",
        "n_epochs",
        "metadata",
        "steps",
        "type",
        "tasks",
        "testing_criteria",
        "data_source_config",
        "data_source",
        "dataset_version",
        "messages",
        "role",
        "content",
        "input",
        "query",
        "max_num_results",
        "filters",
        "system_prompt",
        "generation",
        "temperature",
        "note",
        "comment",
        "alias",
        "vector_store",
        "index_build",
        "dataset",
        "base_model",
        "eval",
        "cadence",
        "weekday",
        "day",
        "hour",
        "time_zone",
        "timing",
        "active",
        "filename",
        "bytes",
        "purpose",
        "mime_type",
        "part_ids",
        "path",
        "kind",
        "licence",
        "format",
        "stream",
        "stop",
        "max_tokens",
        "stream_options",
        "heldout_share",
        "recipe",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(10**40), max_value=10**40),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["\x00", "\ud800", "default", "dsv_x", "file-x", "ft:x", "user", "../..", "x" * 3000]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
BODIES = st.dictionaries(NAMES, VALUES, max_size=6) | VALUES


@pytest.fixture
def ids(world):
    world.embedding_model()
    return things(world, alias="production", base_model_name="own-base")


@pytest.mark.slow
def test_no_body_causes_a_500(world, ids, model_server):
    api = api_of(world.key("owner", is_operator=True))
    assert len(POSTS) > 25
    for route in POSTS:
        _walk(api, route.address([ids[word] for word in route.words]).removeprefix("/v1/"))


def _walk(api: ApiClient, address: str) -> None:
    @settings(
        max_examples=16,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(BODIES)
    def never_500(body):
        with transaction.atomic():
            answer = api.post(address, json.dumps(body).encode())
            transaction.set_rollback(True)
        assert answer.status < 500, (address, body, answer.content[:500])
        if answer.status >= 400:
            assert answer.error[1]

    never_500()
