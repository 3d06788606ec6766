"""A dataset version is not made from a masked document by a recipe that would leave personal data in it."""

from __future__ import annotations

import html
from typing import Any, get_args

import pytest

from curation.models import DatasetVersion
from tests.in_process import api_of
from tests.world import World
from workers.contract.personal_data import PersonalDataKind
from workers.contract.specs.curation import DEFAULT_RECIPE

STEPS: list[dict[str, Any]] = DEFAULT_RECIPE.model_dump(mode="json")["steps"]
MASKING = next(step for step in STEPS if step["type"] == "personal_data")
OTHERS = [step for step in STEPS if step["type"] != "personal_data"]
NORMALIZE, *REST = OTHERS
KINDS = get_args(PersonalDataKind)
WHAT = "these masked documents need (2)"


def recipe(*masking: dict[str, Any]) -> list[dict[str, Any]]:
    return [NORMALIZE, *({**MASKING, **one} for one in masking), *REST]


LEAKING = {
    "no step": OTHERS,
    "a kind left out": recipe({"kinds": list(KINDS[1:])}),
    "a domain left alone": recipe({"keep_domains": ["example.co.jp"]}),
    # What a step before it drops is kept as it was.
    "after a step that drops": [NORMALIZE, *REST[:2], MASKING, *REST[2:]],
}
MASKED = {
    "default": None,
    "all kinds": recipe({}),
    "kinds in two steps": recipe({"kinds": list(KINDS[:3])}, {"kinds": list(KINDS[3:])}),
}


@pytest.fixture
def masked_world(world: World) -> World:
    api = api_of(world.key())
    for name in ("名簿.txt", "当番.txt", "規則.txt"):
        document = world.document(name, "本文")
        if name != "規則.txt":
            api.post(f"files/{document.id}", {"personal_data": "masked"}).check()
    return world


def dataset(world: World, steps: list[dict[str, Any]] | None) -> str:
    api = api_of(world.key())
    named = api.post("recipes", {"name": "自作", "steps": steps}).ok["id"] if steps else "default"
    return str(api.post("datasets", {"name": "社内", "recipe": named}).ok["id"])


@pytest.mark.parametrize("case", LEAKING)
@pytest.mark.parametrize("where", ["API", "console"])
def test_a_recipe_that_leaves_personal_data_is_refused_with_the_masked_documents_named(
    masked_world: World, case: str, where: str
) -> None:
    made = dataset(masked_world, LEAKING[case])
    if where == "API":
        answer = api_of(masked_world.key()).post(f"datasets/{made}/versions", {})
        assert answer.error == (409, "masked_documents", "file_ids")
        said = answer.body["error"]["message"]
    else:
        sent = {"mode": "rule", "heldout_percent": "10"}
        said = html.unescape(masked_world.browser().post(f"/datasets/{made}/build", sent).content.decode())
    assert WHAT in said and "名簿.txt, 当番.txt" in said
    assert not DatasetVersion.objects.exists()


@pytest.mark.parametrize("case", MASKED)
def test_a_recipe_that_masks_all_kinds_is_used(masked_world: World, case: str) -> None:
    made = dataset(masked_world, MASKED[case])
    api_of(masked_world.key()).post(f"datasets/{made}/versions", {}).check()


def test_raw_documents_are_built_from_with_any_recipe(masked_world: World) -> None:
    made, api = dataset(masked_world, OTHERS), api_of(masked_world.key())
    raw = [file["id"] for file in api.get("files").ok["data"] if file["personal_data"] == "raw"]
    assert len(raw) == 1
    api.post(f"datasets/{made}/versions", {"file_ids": raw}).check()
