"""The knowledge base pages: making, adding, searching, building again, removing, deleting."""

from __future__ import annotations

import pytest
from django.test import Client

from retrieval.models import KnowledgeBase
from tests.world import World, fail

pytestmark = pytest.mark.slow


@pytest.fixture
def browser(world: World) -> Client:
    return world.browser()


@pytest.fixture
def base(world: World) -> KnowledgeBase:
    return world.knowledge_base([world.document("a.txt")])


def text(answer) -> str:
    return answer.content.decode()


def test_the_list_shows_each_base_with_its_documents(browser: Client, base: KnowledgeBase) -> None:
    body = text(browser.get("/knowledge"))
    assert base.name in body and base.get_absolute_url() in body and "Personal data: as written" in body


def test_an_empty_list_offers_the_first_step(world: World, browser: Client) -> None:
    assert "Upload documents first" in text(browser.get("/knowledge"))
    world.document()
    assert "Choose documents" in text(browser.get("/knowledge"))


def test_a_base_is_made_with_the_chosen_documents(world: World, browser: Client) -> None:
    world.embedding_model()
    document = world.document()
    answer = browser.post(
        "/knowledge/new", {"name": "規程", "personal_data": "masked", "documents": [document.id]}, follow=True
    )
    base = KnowledgeBase.objects.get()
    assert answer.redirect_chain[0][0] == base.get_absolute_url()
    assert base.entries.get().document == document and document.name in text(answer)
    assert base.personal_data == "masked" and "Personal data: masked" in text(answer)


def test_only_read_documents_are_offered_and_a_failure_says_why(world: World, browser: Client) -> None:
    world.embedding_model()
    read, waiting, failed = (
        world.document("読.txt"),
        world.upload("待.txt", "待"),
        world.upload("誤.txt", "誤"),
    )
    fail(failed.current_revision.job, "ingest.user.damaged_file")
    offered = text(browser.get("/knowledge/new"))
    assert [document.id in offered for document in (read, waiting, failed)] == [True, False, False]
    base = world.knowledge_base([read, failed])
    assert "The file is damaged or incomplete." in text(browser.get(base.get_absolute_url()))


def test_a_base_is_refused_in_the_form(world: World, browser: Client) -> None:
    assert "This field is required" in text(browser.post("/knowledge/new", {"name": ""}))
    assert "No embedding model is registered" in text(
        browser.post("/knowledge/new", {"name": "x", "personal_data": "raw"})
    )
    assert not KnowledgeBase.objects.exists()


def test_a_search_shows_passages_with_links_to_their_pages(browser, base, model_server) -> None:
    body = text(browser.get(f"{base.get_absolute_url()}?q=休暇"))
    assert "第5条 有給休暇は10日とする。" in body and "/documents/file-1?page=" in body
    model_server.hits = []
    assert "Nothing was found" in text(browser.get(f"{base.get_absolute_url()}?q=休暇"))


def test_a_search_before_the_first_build_says_that_there_is_no_index(world: World, browser: Client) -> None:
    empty = world.knowledge_base([])
    assert "no finished index yet" in text(browser.get(f"{empty.get_absolute_url()}?q=休暇"))


def test_a_search_shows_the_model_servers_error(browser: Client, base: KnowledgeBase, settings) -> None:
    settings.MODEL_SERVER_URL = "http://127.0.0.1:9"
    assert "The model server does not answer" in text(browser.get(f"{base.get_absolute_url()}?q=休暇"))


def test_documents_are_added_once_and_removed(world: World, browser: Client, base: KnowledgeBase) -> None:
    second, address = world.document("b.txt"), base.get_absolute_url()
    browser.post(f"{address}/add", {"documents": [second.id]})
    assert base.entries.count() == 2
    # Documents that are there already are not offered again.
    assert "Choose at least one document" in text(
        browser.post(f"{address}/add", {"documents": [second.id]}, follow=True)
    )
    assert "was removed" in text(browser.post(f"{address}/remove/{second.id}", follow=True))
    assert base.entries.count() == 1
    assert browser.post(f"{address}/remove/{second.id}").status_code == 404


def test_adding_nothing_is_refused(browser: Client, base: KnowledgeBase) -> None:
    answer = browser.post(f"{base.get_absolute_url()}/add", {}, follow=True)
    assert "Choose at least one document" in text(answer)
    assert base.builds.count() == 1


def test_an_index_is_built_again_once_at_a_time(browser: Client, base: KnowledgeBase) -> None:
    for expected in ("The index is built again", "An index is being built already"):
        assert expected in text(browser.post(f"{base.get_absolute_url()}/build-again", follow=True))
    assert base.builds.count() == 2


def test_a_deleted_base_is_absent(browser: Client, base: KnowledgeBase) -> None:
    address = base.get_absolute_url()
    assert browser.post(f"{address}/delete").url == "/knowledge"
    assert f"“{base.name}” was deleted" in text(browser.get("/knowledge"))
    assert base.name not in text(browser.get("/knowledge"))
    for path in ("", "/add", "/build-again", "/delete"):
        answer = browser.get(address) if not path else browser.post(address + path)
        assert answer.status_code == 404


@pytest.mark.parametrize("path", ["add", "build-again", "remove/file-1", "delete"])
def test_a_viewer_reads_and_changes_nothing(world: World, base: KnowledgeBase, path: str) -> None:
    viewer, address = world.browser("viewer"), base.get_absolute_url()
    assert viewer.get(address).status_code == 200
    assert viewer.post(f"{address}/{path}").status_code == 403
    assert viewer.get(f"{address}/{path}").status_code in (403, 405)
