"""Another organization's ids in bodies."""

from __future__ import annotations

from tests.in_process import api_of
from tests.world import World

MESSAGE = {"role": "user", "content": "質問"}


def test_foreign_ids_in_bodies_answer_like_absent_ones(db):
    with World("yoso") as foreign:
        document = foreign.document()
        version = foreign.dataset_version()
        model = foreign.model_version(version=version)
        knowledge = foreign.knowledge_base([document])
        suite, dataset = foreign.suite(), version.dataset
        recipe_answer = api_of(foreign.key()).post(
            "recipes", {"name": "r", "steps": [{"type": "segment"}, {"type": "split"}]}
        )
    with World("kaku") as world:
        world.embedding_model()
        own = world.dataset_version()
        store = world.knowledge_base([])
        api = api_of(world.key())
        schedule = {"name": "s", "base_model": "gemma"}
        suite_id, dataset_id = world.suite().id, own.dataset_id
        asked = [
            ("datasets", {"name": "x", "recipe": recipe_answer.ok["id"]}, {"recipe": "recipe_absent"}),
            (f"datasets/{dataset_id}/versions", {"file_ids": [document.id]}, {"file_ids": ["file-absent"]}),
            (
                "fine_tuning/jobs",
                {"model": "gemma", "training_file": document.id},
                {"training_file": "file-a"},
            ),
            ("fine_tuning/jobs", {"model": "gemma", "training_file": version.id}, {"training_file": "dsv_a"}),
            ("fine_tuning/jobs", {"model": model.name, "training_file": own.id}, {"model": "ft:absent"}),
            ("vector_stores", {"file_ids": [document.id]}, {"file_ids": ["file-absent"]}),
            (f"vector_stores/{store.id}/files", {"file_id": document.id}, {"file_id": "file-absent"}),
            ("releases", {"model": "gemma", "vector_store": knowledge.id}, {"vector_store": "vs_absent"}),
            (
                "releases",
                {"model": "gemma", "index_build": knowledge.current_build_id},
                {"index_build": "index_absent"},
            ),
            ("schedules", {**schedule, "dataset": dataset.id, "eval": suite_id}, {"dataset": "ds_absent"}),
            ("schedules", {**schedule, "dataset": dataset_id, "eval": suite.id}, {"eval": "eval_absent"}),
            ("chat/completions", {"model": model.name, "messages": [MESSAGE]}, {"model": "ft:absent"}),
        ]
        for path, body, change in asked:
            theirs, absent = api.post(path, body), api.post(path, {**body, **change})
            assert theirs.status in (400, 404), (path, body)
            assert theirs.content == absent.content, (path, body)
