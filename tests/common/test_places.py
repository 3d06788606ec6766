"""Paths below `KOSHA_VAR` are stored relative to it and read with its present value."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from common.places import MARK, local, portable, spec_digest
from registry.models import BaseModel
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.training import TrainingSpec

pytestmark = pytest.mark.slow

TEXTS = st.one_of(
    st.text(), st.builds("{}{}{}".format, st.sampled_from(["", "$", "$$$"]), st.just(MARK), st.text())
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
)


@given(VALUES)
def test_values_survive_storing(value):
    assert local(portable(value)) == value


def test_paths_follow_the_installation(settings):
    settings.KOSHA_VAR = Path("/srv/old")
    stored = portable({"path": "/srv/old/storage/a", "elsewhere": "/srv/older/b", "list": ["/srv/old/c"]})
    assert stored == {"path": f"{MARK}storage/a", "elsewhere": "/srv/older/b", "list": [f"{MARK}c"]}
    settings.KOSHA_VAR = Path("/new")
    assert local(stored) == {"path": "/new/storage/a", "elsewhere": "/srv/older/b", "list": ["/new/c"]}


def test_text_that_looks_like_a_stored_path_stays_text(settings):
    settings.KOSHA_VAR = Path("/srv")
    assert local(portable(f"{MARK}secret_key")) == f"{MARK}secret_key"


def test_request_digest_does_not_depend_on_the_place(settings):
    digests = set()
    for var in ("/srv/a", "/srv/b"):
        settings.KOSHA_VAR = Path(var)
        spec = IngestSpec(document_id="file-1", revision_id="rev_1", name="a", path=Path(var, "storage/x"))
        digests.add(spec_digest(spec))
    assert len(digests) == 1


def test_base_model_is_found_after_a_move(world, settings):
    settings.KOSHA_VAR = Path("/srv/old")
    model = world.base_model(path="/srv/old/models/gemma")
    with connection.cursor() as cursor:
        cursor.execute("SELECT path FROM registry_basemodel WHERE id = %s", [model.id])
        assert cursor.fetchone() == (f"{MARK}models/gemma",)
    assert BaseModel.objects.filter(path="/srv/old/models/gemma").exists()
    settings.KOSHA_VAR = Path("/new")
    assert BaseModel.objects.get(pk=model.id).path == "/new/models/gemma"


@pytest.mark.parametrize(
    ("change", "is_the_same"),
    [
        ({"base_model": Path("/b/base"), "record_files": (Path("/b/r.jsonl"),)}, True),
        ({"parent_adapter": Path("/b/adapter")}, True),
        ({"parent_manifest_sha256": "e" * 64}, False),
        ({"dtype": "bfloat16"}, False),
    ],
)
def test_learning_digest_does_not_depend_on_paths(change, is_the_same):
    spec = TrainingSpec(
        base_model=Path("/a/base"), record_files=(Path("/a/r.jsonl"),), parent_adapter=Path("/a/p")
    )
    moved = spec.model_copy(update=change)
    assert (moved.learning_digest("d") == spec.learning_digest("d")) is is_the_same
    assert spec.learning_digest("d") != spec.learning_digest("e")
