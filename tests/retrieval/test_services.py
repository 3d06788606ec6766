"""Knowledge bases: index builds that follow their documents, and what search finds before they end."""

from __future__ import annotations

import pytest

from accounts.groups import everyone_in
from accounts.principal import Principal
from audit.models import AuditEvent
from common.errors import Conflict, NotFound
from documents.services import document_delete
from jobs.models import Job
from jobs.produced import ProducedState, produced_finalize
from retrieval.models import IndexBuild, KnowledgeBase
from retrieval.search import search
from retrieval.selectors import entry_get, entry_list, index_folder, removed_documents, status_counts
from retrieval.services import (
    document_remove,
    documents_add,
    index_build_again,
    index_build_if_needed,
    knowledge_base_create,
    knowledge_base_delete,
    knowledge_base_update,
    revisions_ready,
)
from tests.world import begin, fail


@pytest.fixture
def knowledge_base(world) -> KnowledgeBase:
    return world.knowledge_base([world.document("a.txt")])


def builds(knowledge_base: KnowledgeBase) -> list[str]:
    return list(knowledge_base.builds.order_by("number").values_list("state", flat=True))


def fresh(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    return KnowledgeBase.objects.select_related("current_build", "embedding_model").get(pk=knowledge_base.id)


def test_a_finished_build_is_what_search_reads(world, knowledge_base, model_server):
    build = knowledge_base.current_build
    assert (build.number, build.state) == (1, ProducedState.READY)
    assert (index_folder(build) / "manifest.json").exists()
    search(fresh(knowledge_base), "休暇", limit=3, principal=world.principal())
    asked = model_server.bodies("/v1/search")[0]
    assert asked["index"] == str(index_folder(build)) and asked["limit"] == 3


def test_a_status_of_completed_comes_with_the_index_that_holds_it(world):
    """A build may end between two reads; found by the demo, which read "completed" and no index."""
    world.embedding_model()
    made = knowledge_base_create(name="x", documents=[world.document()], actor=world.actor)
    before = fresh(made)
    world.indexed(made.builds.get().job)
    after = fresh(made)
    for base, build, status in ((before, None, "in_progress"), (after, made.builds.get(), "completed")):
        assert base.current_build == build
        assert status_counts(entry_list([base]))[base.id][status] == 1
        assert entry_list([base]).filter(status=status).exists()


def test_documents_added_while_a_build_runs_are_in_the_next_one(world, knowledge_base):
    second, third = world.document("b.txt"), world.document("c.txt")
    documents_add(knowledge_base=knowledge_base, documents=[second], actor=world.actor)
    documents_add(knowledge_base=knowledge_base, documents=[third], actor=world.actor)
    assert builds(knowledge_base) == ["ready", "building"]
    world.indexed(IndexBuild.objects.get(number=2).job)
    assert builds(knowledge_base) == ["ready", "ready", "building"]
    last = IndexBuild.objects.get(number=3)
    assert last.revisions.count() == 3
    assert last.job.spec["previous_index"].endswith(IndexBuild.objects.get(number=2).id)
    world.indexed(last.job)
    assert builds(knowledge_base) == ["ready"] * 3
    assert fresh(knowledge_base).current_build == last


def test_every_change_is_audited(world, knowledge_base):
    document = knowledge_base.entries.get().document
    knowledge_base_update(knowledge_base=knowledge_base, name="新", metadata=None, actor=world.actor)
    document_remove(knowledge_base=knowledge_base, document_id=document.id, actor=world.actor)
    knowledge_base_delete(knowledge_base=knowledge_base, actor=world.actor)
    assert list(
        AuditEvent.objects.filter(target_id=knowledge_base.id).order_by("id").values_list("action", flat=True)
    ) == [
        "knowledge_base.created",
        "knowledge_base.documents_added",
        "knowledge_base.updated",
        "knowledge_base.document_removed",
        "knowledge_base.deleted",
    ]
    assert AuditEvent.objects.filter(action="index_build.created").count() == 1


def test_an_update_keeps_what_it_does_not_name(world, knowledge_base):
    for name, metadata in (("新", None), (None, {"a": "b"})):
        knowledge_base_update(knowledge_base=knowledge_base, name=name, metadata=metadata, actor=world.actor)
    changed = fresh(knowledge_base)
    assert (changed.name, changed.metadata) == ("新", {"a": "b"})


def test_a_base_needs_an_embedding_model(world):
    with pytest.raises(Conflict, match="no_embedding_model"):
        knowledge_base_create(name="x", documents=[], actor=world.actor)


def test_removing_a_document_that_is_not_in_the_base_is_refused(world, knowledge_base):
    other = world.document("b.txt")
    with pytest.raises(NotFound):
        document_remove(knowledge_base=knowledge_base, document_id=other.id, actor=world.actor)
    assert builds(knowledge_base) == ["ready"]


def test_repeating_a_finalize_changes_nothing(world, knowledge_base):
    produced_finalize(knowledge_base.current_build.job)
    assert builds(knowledge_base) == ["ready"]


def test_a_new_revision_is_built_when_it_has_been_read(world, knowledge_base):
    document = world.upload("a.txt", "新しい本文")
    assert builds(knowledge_base) == ["ready"]
    assert entry_get(knowledge_base, document.id).status == "in_progress"
    world.read(document)
    assert builds(knowledge_base) == ["ready", "building"]
    revisions_ready([document.current_revision])
    assert builds(knowledge_base) == ["ready", "building"]


def test_a_document_stays_in_builds_with_its_last_read_revision(world, knowledge_base):
    """While its new revision waits, and where that cannot be read; only removal takes it out."""
    first = knowledge_base.entries.get().document.current_revision

    def built_with(name: str) -> bool:
        documents_add(knowledge_base=knowledge_base, documents=[world.document(name)], actor=world.actor)
        build = IndexBuild.objects.latest("number")
        world.indexed(build.job)
        return build.revisions.filter(pk=first.pk).exists()

    document = world.upload(first.document.name, "新しい本文")
    assert built_with("waiting.txt")
    fail(document.current_revision.job, "ingest.user.damaged")
    assert built_with("failed.txt")
    document = world.upload(first.document.name, "さらに新しい本文")
    world.read(document)
    assert IndexBuild.objects.latest("number").revisions.filter(pk=document.current_revision_id).exists()
    assert not IndexBuild.objects.latest("number").revisions.filter(pk=first.pk).exists()


def test_a_removed_document_is_excluded_from_search_at_once(world, knowledge_base):
    second = world.document("b.txt")
    documents_add(knowledge_base=knowledge_base, documents=[second], actor=world.actor)
    world.indexed(IndexBuild.objects.get(number=2).job)
    build = fresh(knowledge_base).current_build
    assert removed_documents(build) == []
    document_remove(knowledge_base=knowledge_base, document_id=second.id, actor=world.actor)
    assert removed_documents(build) == [second.id]
    assert builds(knowledge_base)[-1] == "building"


def test_a_deleted_document_is_excluded_from_search_at_once(world, knowledge_base):
    build = knowledge_base.current_build
    document = build.revisions.get().document
    assert removed_documents(build) == []
    document_delete(document_id=document.id, actor=world.actor)
    assert removed_documents(build) == [document.id]


def test_a_replaced_document_is_found_as_it_was_until_the_next_build(world, knowledge_base):
    world.upload("a.txt", "新しい本文")
    assert removed_documents(knowledge_base.current_build) == []


def test_a_search_names_the_askers_groups_which_the_passages_carry(world, knowledge_base, model_server):
    search(fresh(knowledge_base), "休暇", limit=1, principal=world.principal())
    (asked,) = model_server.bodies("/v1/search")
    (source,) = knowledge_base.current_build.job.spec["sources"]
    assert asked["groups"] == source["groups"] == [everyone_in(world.organization.id)]
    stranger = Principal(world.actor, None, None, is_operator=True)
    search(fresh(knowledge_base), "休暇", limit=1, principal=stranger)
    assert model_server.bodies("/v1/search")[1]["groups"] == []


def test_a_failed_build_is_repeated_only_when_asked(world):
    world.embedding_model()
    document = world.document()
    knowledge_base = knowledge_base_create(name="x", documents=[document], actor=world.actor)
    fail(knowledge_base.builds.get().job, "retrieval.system.out_of_memory")
    assert builds(knowledge_base) == ["failed"]
    assert entry_get(knowledge_base, document.id).status == "failed"
    assert index_build_if_needed(knowledge_base_id=knowledge_base.id, actor=world.actor) is None
    documents_add(knowledge_base=knowledge_base, documents=[document], actor=world.actor)
    assert builds(knowledge_base) == ["failed", "building"]
    assert entry_get(knowledge_base, document.id).status == "in_progress"


def test_adding_documents_that_are_there_builds_nothing(world, knowledge_base):
    document = entry_list([knowledge_base]).get().document
    documents_add(knowledge_base=knowledge_base, documents=[document], actor=world.actor)
    assert builds(knowledge_base) == ["ready"]


def test_a_finished_index_is_built_again_when_asked_once_at_a_time(world, knowledge_base):
    """Its files may have been damaged on the disk."""
    build = index_build_again(knowledge_base=knowledge_base, actor=world.actor)
    assert builds(knowledge_base) == ["ready", "building"]
    assert set(build.revisions.all()) == set(knowledge_base.current_build.revisions.all())
    assert index_build_again(knowledge_base=knowledge_base, actor=world.actor) is None
    empty = world.knowledge_base([], name="y")
    assert index_build_again(knowledge_base=empty, actor=world.actor) is None


def test_a_document_that_cannot_be_read_is_not_built(world):
    world.embedding_model()
    document = world.upload()
    knowledge_base = knowledge_base_create(name="x", documents=[document], actor=world.actor)
    assert builds(knowledge_base) == []
    fail(document.current_revision.job, "ingest.user.damaged")
    assert entry_get(knowledge_base, document.id).status == "failed"
    assert search(fresh(knowledge_base), "休暇", limit=1, principal=world.principal()) == []


def test_deleting_a_base_stops_its_build_also_one_that_has_just_ended(world, knowledge_base):
    from jobs.services import job_succeeded

    documents_add(knowledge_base=knowledge_base, documents=[world.document("b.txt")], actor=world.actor)
    job = begin(IndexBuild.objects.get(number=2).job)
    assert job_succeeded(job=job, result={})
    knowledge_base_delete(knowledge_base=knowledge_base, actor=world.actor)
    other = world.knowledge_base([], name="y")
    documents_add(knowledge_base=other, documents=[world.document("c.txt")], actor=world.actor)
    knowledge_base_delete(knowledge_base=other, actor=world.actor)
    assert Job.objects.get(pk=other.builds.get().job_id).state == "cancelled"


def test_counting_takes_one_query_for_any_number_of_bases(world, django_assert_num_queries):
    documents = [world.document(f"{n}.txt") for n in range(3)]
    bases = [world.knowledge_base(documents, name=str(n)) for n in range(4)]
    with django_assert_num_queries(1):
        counts = status_counts(entry_list(bases))
    assert all(counts[base.id]["completed"] == counts[base.id]["total"] == 3 for base in bases)


def test_a_page_of_stores_takes_the_same_queries_for_one_and_many(world, api, django_assert_max_num_queries):
    for n in range(6):
        world.knowledge_base([], name=str(n))
    with django_assert_max_num_queries(6):
        assert len(api.get("vector_stores").ok["data"]) == 6


def test_a_later_batch_with_the_same_documents_does_not_change_an_earlier_one(world, api):
    """Two clients that add overlapping files each follow their own batch to its end."""
    base = world.knowledge_base([])
    first, second = world.document("1.txt", "甲"), world.document("2.txt", "乙")
    path = f"vector_stores/{base.id}/file_batches"
    one = api.post(path, {"file_ids": [first.id, second.id]}).ok
    other = api.post(path, {"file_ids": [first.id]}).ok
    assert api.get(f"{path}/{one['id']}").ok["file_counts"]["total"] == 2
    assert api.get(f"{path}/{other['id']}").ok["file_counts"]["total"] == 1
