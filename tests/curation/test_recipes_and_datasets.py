"""Recipes and datasets: what is created, what is refused with which code, and what another organization sees."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from common.errors import Conflict, InvalidRequest, NotFound
from curation.models import Dataset, Recipe
from curation.selectors import dataset_get, recipe_content, recipe_get, require_ready, version_get
from curation.services import dataset_create, dataset_version_create, recipe_create
from tests.world import World
from workers.contract.specs.curation import DEFAULT_RECIPE

STEPS = {"steps": [{"type": "segment"}, {"type": "noise"}, {"type": "noise"}, {"type": "split"}]}


def make_recipe(world: World, name: str = "手順", content: object = STEPS) -> Recipe:
    return recipe_create(name=name, content=content, actor=world.actor)


def make_dataset(world: World, name: str = "社内", recipe: Recipe | None = None) -> Dataset:
    return dataset_create(name=name, description="規程", recipe=recipe, actor=world.actor)


def refusal(call) -> tuple[str, str | None]:
    with pytest.raises((Conflict, InvalidRequest, NotFound)) as refused:
        call()
    return refused.value.code, refused.value.param


def test_a_dataset_uses_its_recipe_or_the_default_one(world):
    recipe = make_recipe(world)
    own = dataset_get(make_dataset(world, recipe=recipe).id)
    assert [step.type for step in recipe_content(own).steps] == ["segment", "noise", "noise", "split"]
    assert recipe_content(make_dataset(world, "別")) == DEFAULT_RECIPE
    assert recipe_get(recipe.id).content["version"] == 1


def test_what_is_created_is_in_the_audit_trail(world):
    recipe, dataset = make_recipe(world), make_dataset(world)
    recorded = AuditEvent.objects.filter(target_id__in=[recipe.id, dataset.id]).order_by("id")
    assert [event.action for event in recorded] == ["recipe.created", "dataset.created"]


def test_refuses_a_second_one_of_a_name(world):
    make_recipe(world), make_dataset(world)
    assert refusal(lambda: make_recipe(world)) == ("recipe_exists", "name")
    assert refusal(lambda: make_dataset(world)) == ("dataset_exists", "name")


def test_refuses_a_recipe_that_names_an_unknown_step(world):
    wrong = {"steps": [{"type": "nonsense"}]}
    assert refusal(lambda: make_recipe(world, content=wrong)) == ("invalid_value", "steps.0")
    assert not Recipe.objects.exists()


def test_refuses_a_version_without_documents(world):
    def build(documents):
        return lambda: dataset_version_create(
            dataset=make_dataset(world, str(documents)),
            documents=documents,
            heldout_share=0.1,
            actor=world.actor,
        )

    assert refusal(build(None)) == ("no_documents", "file_ids")
    assert refusal(build([])) == ("no_documents", "file_ids")
    assert refusal(build([world.upload()])) == ("document_not_ready", "file_ids.0")


def test_only_a_ready_version_can_be_used(world):
    ready = world.dataset_version()
    assert require_ready(ready, param="training_file") == ready
    building = dataset_version_create(
        dataset=ready.dataset, documents=None, heldout_share=0.1, actor=world.actor
    )
    refused = refusal(lambda: require_ready(building, param="training_file"))
    assert refused == ("dataset_version_not_ready", "training_file")


def test_another_organization_finds_nothing(world):
    recipe, version = make_recipe(world), world.dataset_version()
    with World("yoso"):
        for call in (
            lambda: recipe_get(recipe.id, param="recipe"),
            lambda: dataset_get(version.dataset_id, param="recipe"),
            lambda: version_get(version.id, param="recipe"),
        ):
            assert refusal(call) == ("not_found", "recipe")


def test_a_version_is_found_only_under_its_own_dataset(world):
    version = world.dataset_version()
    other = make_dataset(world, "別")
    assert version_get(version.id, dataset_id=version.dataset_id) == version
    assert refusal(lambda: version_get(version.id, dataset_id=other.id)) == ("not_found", None)
