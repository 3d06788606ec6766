"""The dataset pages: creating, building, reading a version, and what each refuses."""

from __future__ import annotations

import pytest

from curation.models import Dataset, DatasetVersion
from curation.services import dataset_create, recipe_create
from tests.world import fail
from workers.contract.specs.curation import StepCount

pytestmark = pytest.mark.slow

REPEATED = {"steps": [{"type": "segment"}, {"type": "noise"}, {"type": "noise"}, {"type": "split"}]}


@pytest.fixture
def browser(world):
    return world.browser()


def body(response, status: int = 200) -> str:
    assert response.status_code == status
    return response.content.decode()


def test_the_list_is_searched_and_shows_the_newest_version(world, browser):
    version = world.dataset_version(world.dataset("就業規則"))
    world.dataset("製品")
    page = body(browser.get("/datasets"))
    assert "就業規則" in page and "製品" in page and version.get_absolute_url() in page
    found = body(browser.get("/datasets", {"q": "製品"}))
    assert "製品" in found and "就業規則" not in found
    assert "No dataset matches" in body(browser.get("/datasets", {"q": "存在しない"}))


def test_creating_a_dataset_leads_to_building_its_first_version(world, browser):
    recipe = recipe_create(name="手順", content=REPEATED, actor=world.actor)
    given = {"name": "社内", "description": "規程", "recipe": recipe.id}
    made = browser.post("/datasets/new", given)
    dataset = Dataset.objects.get()
    assert (made.status_code, made.headers["Location"]) == (302, f"/datasets/{dataset.id}/build")
    assert (dataset.name, dataset.description, dataset.recipe) == ("社内", "規程", recipe)


def test_a_name_that_is_taken_or_missing_is_refused_beside_its_field(world, browser):
    world.dataset("社内")
    taken = browser.post("/datasets/new", {"name": "社内", "description": "", "recipe": ""})
    body(taken, 400)
    assert "name" in taken.context["form"].errors
    body(browser.post("/datasets/new", {"name": "", "description": "", "recipe": ""}), 400)
    assert Dataset.objects.count() == 1


@pytest.mark.parametrize(
    ("mode", "ticked", "built"),
    [("rule", "", "abc"), ("rule", "ab", None), ("rule", "abc", "abc"), ("named", "ab", "ab")],
)
def test_ticks_beside_the_choice_of_every_document_are_asked_back(world, browser, mode, ticked, built):
    documents = {name: world.document(f"{name}.txt", name) for name in "abc"}
    build = f"/datasets/{world.dataset().id}/build"
    given = {"mode": mode, "document": [documents[name].id for name in ticked], "heldout_percent": 10}
    answer = browser.post(build, given)
    if built is None:
        assert "Some documents are ticked, but " in body(answer, 400)
        assert not DatasetVersion.objects.exists()
    else:
        revisions = DatasetVersion.objects.get().revisions
        assert set(revisions.values_list("document", flat=True)) == {documents[name].id for name in built}


def test_the_build_page_lists_every_step_and_a_repeated_one_by_its_number(world, browser):
    world.document()
    recipe = recipe_create(name="手順", content=REPEATED, actor=world.actor)
    dataset = dataset_create(name="社内", description="", recipe=recipe, actor=world.actor)
    page = body(browser.get(f"/datasets/{dataset.id}/build"))
    assert page.index("Drop noise</strong>") < page.index("Drop noise (2)</strong>")
    assert "Hold a share of the records out of training" in page


def test_building_queues_a_version_with_the_share_that_was_asked_for(world, browser):
    world.document()
    dataset = world.dataset()
    made = browser.post(f"/datasets/{dataset.id}/build", {"heldout_percent": "25"})
    version = DatasetVersion.objects.get()
    assert (made.status_code, made.headers["Location"]) == (302, version.get_absolute_url())
    assert version.job.spec["heldout_share"] == 0.25


@pytest.mark.parametrize("percent", ["", "-1", "51", "x"])
def test_a_share_out_of_range_is_refused(world, browser, percent):
    world.document()
    dataset = world.dataset()
    body(browser.post(f"/datasets/{dataset.id}/build", {"heldout_percent": percent}), 400)
    assert not DatasetVersion.objects.exists()


def test_building_without_documents_says_what_to_do_first(world, browser):
    dataset = world.dataset()
    page = body(browser.get(f"/datasets/{dataset.id}/build"))
    assert "Upload documents first" in page
    refused = browser.post(f"/datasets/{dataset.id}/build", {"heldout_percent": "10"})
    body(refused, 400)
    assert refused.context["form"].errors


def test_a_version_shows_the_counts_of_each_step(world, browser):
    steps = (
        StepCount(step="noise", units_in=9, units_out=7, dropped=2),
        StepCount(step="near_duplicate", units_in=7, units_out=6, dropped=1),
    )
    version = world.dataset_version(
        kept_and_dropped_by_step=steps, dropped_by_reason={"symbols": 3}, masked={"phone": 4}
    )
    response = browser.get(version.get_absolute_url())
    page = body(response)
    assert [(row.step, row.dropped) for row in response.context["steps"]][:2] == [
        ("noise", 2),
        ("near_duplicate", 1),
    ]
    assert "Drop noise" in page and "mostly symbols" in page and "telephone numbers" in page


def test_a_version_that_failed_says_why_and_has_no_records(world, browser):
    version = world.dataset_version()
    browser.post(f"/datasets/{version.dataset_id}/build", {"heldout_percent": "10"})
    second = DatasetVersion.objects.get(number=2)
    fail(second.job, "curation.system.pages_missing", "It is damaged.")
    assert "The extracted text of a document is missing or damaged" in body(
        browser.get(second.get_absolute_url())
    )
    for tab in ("records", "dropped"):
        body(browser.get(f"{second.get_absolute_url()}/{tab}"), 409)


@pytest.mark.parametrize("path", ["", "/build", "/versions/dsv_absent", "/versions/dsv_absent/records"])
def test_a_dataset_that_does_not_exist_is_not_found(world, browser, path):
    body(browser.get(f"/datasets/ds_absent{path}"), 404)


def test_a_viewer_may_not_create_or_build(world):
    dataset, viewer = world.dataset(), world.browser("viewer")
    for path in ("/datasets/new", f"/datasets/{dataset.id}/build"):
        body(viewer.get(path), 403)
        body(viewer.post(path, {"name": "x", "heldout_percent": "10"}), 403)
    assert Dataset.objects.count() == 1
