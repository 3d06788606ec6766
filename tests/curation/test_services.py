"""Dataset versions: what is frozen into them, and what comes out."""

from __future__ import annotations

import pytest

from common.errors import Conflict
from curation.models import DatasetVersion
from curation.selectors import records_path
from curation.services import dataset_version_create
from jobs.models import Job
from jobs.produced import produced_finalize
from tests.world import fail
from workers.contract.specs.curation import CurationSpec


def create(world, dataset, documents=None):
    return dataset_version_create(dataset=dataset, documents=documents, heldout_share=0.1, actor=world.actor)


def test_a_version_freezes_revisions_recipe_and_seed(world):
    document = world.document("a.txt", "一")
    dataset = world.dataset()
    version = create(world, dataset)
    world.document("a.txt", "二")
    assert version.revisions.get() == document.current_revision
    assert version.recipe["steps"][-1]["type"] == "split"
    first = CurationSpec.model_validate(version.job.spec)
    second = CurationSpec.model_validate(create(world, dataset).job.spec)
    assert first.seed == second.seed, "what was held out stays held out"
    assert first.sources != second.sources


def test_the_newest_document_comes_first(world):
    """Of two duplicates the one that comes first is kept."""
    old, new = world.document("a.txt"), world.document("b.txt")
    renewed = world.document("a.txt", "第2条")
    spec = CurationSpec.model_validate(create(world, world.dataset()).job.spec)
    assert [source.document_id for source in spec.sources] == [renewed.id, new.id]
    assert old.id == renewed.id


def test_an_unreadable_document_is_left_out_unless_it_is_named(world):
    good, bad = world.document("a.txt"), world.upload("b.txt")
    fail(bad.current_revision.job, "ingest.user.damaged")
    bad.refresh_from_db()
    assert create(world, world.dataset()).revisions.get() == good.current_revision
    with pytest.raises(Conflict, match="document_unreadable"):
        create(world, world.dataset("二"), [good, bad])


def test_versions_are_numbered_and_finished_once(world):
    dataset = world.dataset()
    first = world.dataset_version(dataset)
    second = create(world, dataset)
    assert (first.number, second.number) == (1, 2)
    fail(second.job, "curation.user.nothing_left")
    assert DatasetVersion.objects.get(pk=second.id).state == "failed"
    produced_finalize(Job.objects.get(pk=first.job_id))
    assert DatasetVersion.objects.get(pk=first.id).state == "ready"


def test_records_are_read_by_the_api(api, world):
    version = world.dataset_version()
    assert records_path(version).exists()
    path = f"datasets/{version.dataset_id}/versions/{version.id}"
    assert [record["line"] for record in api.get(f"{path}/records").ok["data"]] == [1]
    assert api.get(f"{path}/dropped").ok["data"][0]["step"] == "noise"
    assert api.get(path).ok["counts"]["heldout_records"] == 2


def test_many_documents_cost_no_more_queries(world, django_assert_max_num_queries):
    for number in range(12):
        world.document(f"{number}.txt")
    dataset = world.dataset()
    with django_assert_max_num_queries(20):
        create(world, dataset)
