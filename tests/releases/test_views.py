"""The release pages: making, deciding, publishing, rolling back, and what each refuses."""

from __future__ import annotations

import pytest
from django.test import Client

from evaluations.services import suite_create, suite_default
from releases.models import Approval, Deployment, Release
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
def browser(world: World) -> Client:
    return world.browser()


def text(answer) -> str:
    return answer.content.decode()


def form(model: str, **more) -> dict:
    return {"model": model, "max_tokens": 64, "temperature": 0, "top_p": 1, "passages": 3, **more}


def test_the_list_shows_releases_and_where_they_are_served(world: World, browser: Client) -> None:
    from releases.services import release_publish

    assert "No release yet" in text(browser.get("/releases"))
    release = world.release(approved=True, note="春の規程")
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    body = text(browser.get("/releases"))
    assert "春の規程" in body and "/releases/served/production" in body


def test_a_release_is_made_with_the_newest_index(world: World, browser: Client) -> None:
    world.base_model()
    base = world.knowledge_base()
    answer = browser.post("/releases/new", form("gemma", knowledge=base.id, note="初版"))
    release = Release.objects.get()
    assert answer.url == release.get_absolute_url()
    assert (release.index_build_id, release.note) == (base.current_build_id, "初版")
    assert release.generation == {"max_tokens": 64, "temperature": 0.0, "top_p": 1.0, "passages": 3}


def test_the_form_offers_only_versions_that_passed(world: World, browser: Client) -> None:
    version = world.model_version()
    assert "It has not been evaluated" in text(browser.get("/releases/new"))
    assert "Select a valid choice" in text(browser.post("/releases/new", form(version.name)))
    world.evaluation(version, passed=False)
    assert "It did not pass its gate" in text(browser.get("/releases/new"))
    world.evaluation(version)
    assert "It passed its gate" in text(browser.get("/releases/new"))
    browser.post("/releases/new", form(version.name))
    assert Release.objects.get().model_version == version


def test_a_form_with_wrong_values_makes_nothing(world: World, browser: Client) -> None:
    world.base_model()
    empty = world.knowledge_base([])
    for wrong in ({"temperature": 9}, {"max_tokens": 0}, {"knowledge": empty.id}, {"note": "x" * 501}):
        assert browser.post("/releases/new", form("gemma", **wrong)).status_code == 200
    assert not Release.objects.exists()


def test_the_form_can_be_filled_by_its_address(world: World, browser: Client) -> None:
    world.base_model()
    base = world.knowledge_base()
    body = text(browser.get(f"/releases/new?knowledge={base.id}&model=gemma"))
    assert f'value="{base.id}" selected' in body


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_another_person_decides_once(world: World, decision: str, state: str) -> None:
    release = world.release()
    reviewer, address = world.browser("reviewer"), release.get_absolute_url()
    assert "It waits for a reviewer" in text(world.browser("viewer").get(address))
    browser_answer = reviewer.post(f"{address}/{decision}", {"comment": " よい "}, follow=True)
    assert f"was {state}" in text(browser_answer)
    assert (Approval.objects.get().decision, Approval.objects.get().comment) == (state, "よい")
    again = reviewer.post(f"{address}/approve", follow=True)
    assert "already been approved or rejected" in text(again)
    assert Approval.objects.count() == 1


def test_a_person_cannot_decide_on_their_own_release(world: World, browser: Client) -> None:
    world.base_model()
    address = browser.post("/releases/new", form("gemma")).url
    assert "Another person decides" in text(browser.get(address))
    assert "You took part in this release" in text(browser.post(f"{address}/approve", follow=True))
    assert Release.objects.get().state == "candidate"


def test_a_release_is_published_and_rolled_back(world: World, browser: Client) -> None:
    first, second = world.release(approved=True), world.release(approved=True)
    for release in (first, second):
        answer = browser.post(f"{release.get_absolute_url()}/publish", {"alias": "production"})
        assert answer.url == "/releases/served/production"
    assert "Roll back to Release 1?" in text(browser.get("/releases/served/production"))
    assert "serves Release 1 again" in text(browser.post("/releases/served/production/rollback", follow=True))
    assert Deployment.objects.get().release == first
    refused = browser.post("/releases/served/production/rollback", follow=True)
    assert "Nothing was published here before" in text(refused)


def test_what_cannot_be_published_is_refused(world: World, browser: Client) -> None:
    waiting, approved = world.release(), world.release(approved=True)
    refused = browser.post(f"{waiting.get_absolute_url()}/publish", {"alias": "production"}, follow=True)
    assert "Only an approved release can be published" in text(refused)
    refused = browser.post(f"{approved.get_absolute_url()}/publish", {"alias": "Not An Alias"}, follow=True)
    assert "Use small letters, digits and -" in text(refused)
    assert not Deployment.objects.exists()


def test_absent_releases_and_aliases_are_not_found(browser: Client) -> None:
    for address in ("/releases/rel_nothing", "/releases/served/nowhere"):
        assert browser.get(address).status_code == 404
    for address in (
        "rel_nothing/approve",
        "rel_nothing/reject",
        "rel_nothing/publish",
        "served/nowhere/rollback",
    ):
        assert browser.post(f"/releases/{address}").status_code == 404
        assert browser.get(f"/releases/{address}").status_code in (404, 405)


@pytest.mark.parametrize("path", ["approve", "reject", "publish"])
def test_a_viewer_reads_and_decides_nothing(world: World, path: str) -> None:
    release = world.release()
    viewer = world.browser("viewer")
    assert viewer.get(release.get_absolute_url()).status_code == 200
    assert viewer.post(f"{release.get_absolute_url()}/{path}").status_code == 403


def test_a_rejection_asks_and_takes_a_reason(world: World) -> None:
    release = world.release()
    page = text(world.browser("reviewer").get(release.get_absolute_url()))
    dialog = page.partition('<dialog id="reject"')[2].partition("</dialog>")[0]
    assert f'action="/releases/{release.id}/reject"' in dialog and 'name="comment"' in dialog
    assert 'formaction="' not in page
    assert "There are no figures" in page and "figures below" not in page


def test_the_default_suite_is_offered_once(world: World, browser: Client) -> None:
    suite_default(), suite_create(name="門", actor=world.actor)
    page = text(browser.get("/releases/policy"))
    assert (page.count("Default suite</option>"), page.count("門</option>")) == (1, 1)
