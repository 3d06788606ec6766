"""Recipes, datasets and their versions over the API."""

from __future__ import annotations

import pytest

from curation.models import DatasetVersion
from tests.world import fail
from workers.contract.specs.curation import DEFAULT_RECIPE, CurationSpec


def test_recipes_are_created_listed_and_retrieved(api):
    default = api.get("recipes/default").ok
    steps = [{"type": "segment"}, {"type": "noise", "max_symbol_share": 0.4}, {"type": "split"}]
    made = api.post("recipes", {"name": "手順", "steps": steps}).ok
    assert default["steps"] == DEFAULT_RECIPE.model_dump(mode="json")["steps"]
    assert [step["type"] for step in made["steps"]] == ["segment", "noise", "split"]
    assert api.get(f"recipes/{made['id']}").ok == made
    assert api.get("recipes").ok["data"] == [made]
    assert api.post("recipes", {"name": "手順", "steps": steps}).error == (409, "recipe_exists", "name")


def test_datasets_are_created_listed_and_retrieved(api):
    recipe = api.post("recipes", {"name": "手順", "steps": [{"type": "segment"}, {"type": "split"}]}).ok
    own = api.post("datasets", {"name": "規程", "description": "就業", "recipe": recipe["id"]}).ok
    usual = api.post("datasets", {"name": "議事録"}).ok
    assert (own["name"], own["description"], own["recipe"]) == ("規程", "就業", recipe["id"])
    assert (usual["description"], usual["recipe"]) == ("", "default")
    assert api.get(f"datasets/{own['id']}").ok == own
    assert api.get("datasets").ok["data"] == [usual, own]


def test_version_is_built_from_the_named_files(api, world):
    document = world.document("a.txt")
    world.document("b.txt")
    path = f"datasets/{world.dataset().id}/versions"
    made = api.post(path, {"file_ids": [document.id], "heldout_share": 0.2}).ok
    assert (made["number"], made["status"], made["counts"], made["error"]) == (1, "building", {}, None)
    version = DatasetVersion.objects.select_related("job").get(pk=made["id"])
    spec = CurationSpec.model_validate(version.job.spec)
    assert ([source.document_id for source in spec.sources], spec.heldout_share) == ([document.id], 0.2)
    assert api.get(f"{path}/{made['id']}").ok == made
    assert api.get(path).ok["data"] == [made]
    fail(version.job, "curation.user.no_documents")
    failed = api.get(f"{path}/{made['id']}").ok
    assert (failed["status"], failed["error"]["code"]) == ("failed", "curation.user.no_documents")


@pytest.mark.parametrize("lines", ["records", "dropped"])
def test_version_that_is_being_built_has_no_lines(api, world, lines):
    world.document()
    path = f"datasets/{world.dataset().id}/versions"
    made = api.post(path).ok
    refused = api.get(f"{path}/{made['id']}/{lines}").error
    assert refused == (409, "dataset_version_not_ready", "version_id")


@pytest.mark.parametrize(
    "path",
    [
        "recipes/recipe_x",
        "datasets/ds_x",
        "datasets/ds_x/versions",
        "datasets/ds_x/versions/dsv_x",
        "datasets/ds_x/versions/dsv_x/records",
        "datasets/ds_x/versions/dsv_x/dropped",
    ],
)
def test_absent_object_is_not_found(api, path):
    assert api.get(path).error == (404, "not_found", None)
