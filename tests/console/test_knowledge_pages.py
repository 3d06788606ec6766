"""The knowledge base pages: documents, builds, and a search to try them."""

from __future__ import annotations

import pytest

from releases.services import release_publish
from retrieval.selectors import latest_build
from retrieval.services import index_build_again
from tests.console.products import base_model
from tests.model_server_double import hit
from workers.contract.specs.serving import ANSWERABLE_SCORE

pytestmark = pytest.mark.slow


def test_documents_are_added_and_removed(products, company):
    document, other = company.document("a.txt"), company.document("b.txt")
    base_model("tiny-e5", "embedding")
    client = company.client()
    address = client.post(
        "/knowledge/new", {"name": "規程", "personal_data": "raw", "documents": [document.id]}
    ).url
    client.post(f"{address}/add", {"documents": [other.id]})
    client.post(f"{address}/remove/{document.id}")
    body = client.get(address).content.decode()
    assert f"remove/{other.id}" in body and f"remove/{document.id}" not in body


def test_an_index_is_built_again_with_a_button(everything, company):
    knowledge, client = everything["knowledge"], company.client()
    address = knowledge.get_absolute_url()
    assert f'action="{address}/build-again"' in client.get(address).content.decode()
    for expected in ("The index is built again", "An index is being built already"):
        answer = client.post(f"{address}/build-again", follow=True).content.decode()
        assert expected in answer and f'action="{address}/build-again"' not in answer


def test_a_search_without_a_model_server_says_so(everything, company, settings):
    settings.MODEL_SERVER_URL = "http://127.0.0.1:9"
    body = company.client().get(f"{everything['knowledge'].get_absolute_url()}?q=日当").content.decode()
    assert "The model server does not answer" in body


SEARCHES = {
    # The score of the one passage; what stands before it.
    "it answers": (ANSWERABLE_SCORE, None),
    "it is only near": (ANSWERABLE_SCORE - 0.01, "近い箇所（答えとは限りません）"),
}


@pytest.mark.parametrize(("score", "heading"), SEARCHES.values(), ids=SEARCHES)
def test_a_passage_below_the_threshold_of_answers_is_told_apart(world, model_server, score, heading):
    base = world.knowledge_base()
    model_server.hits = [{**hit("日当は2,500円です。"), "score": score}]
    page = world.browser(language="ja").get(f"{base.get_absolute_url()}?q=日当").content.decode()
    before = page.partition('class="passages"')[0]
    assert 'class="passages"' in page
    assert ("近い箇所" in page) == (heading is not None)
    if heading:
        assert heading in before and "答えになるほど近い箇所はありません" in before


@pytest.fixture
def served(world):
    """A release that answers from the first build as `production`; then the document changes and is indexed."""
    base = world.knowledge_base()
    release = world.release(build=base.current_build, approved=True, system_prompt="短く答えてください。")
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    return base, release


def index_change(world, base):
    world.document("規則.txt", "第2条 改定した。")
    world.indexed(latest_build(base).job)
    base.refresh_from_db()


def test_each_build_says_what_answers_from_it_and_an_older_one_leads_to_a_new_release(world, served):
    base, release = served
    browser = world.browser(language="ja")
    page = browser.get(base.get_absolute_url()).content.decode()
    assert (
        "新しいインデックスでリリースを作成" not in page
        and "対応が必要な項目" not in browser.get("/").content.decode()
    )
    index_change(world, base)
    page = browser.get(base.get_absolute_url()).content.decode()
    builds = page.partition('id="builds"')[2].partition("</ol>")[0].split("<li")
    newest, older = builds[1:3]
    assert "このページの検索で使用" in newest and "で回答中" not in newest
    assert "「本番（production）」で回答中（リリース1）" in older and "このページの検索で使用" not in older
    link = f'href="/releases/new?like={release.id}"'
    home = browser.get("/").content.decode()
    for shown in (page, home.partition("対応が必要な項目")[2]):
        assert "は1回目のインデックスから回答しています" in shown
        assert link in shown
    form = browser.get(f"/releases/new?like={release.id}").content.decode()
    assert "短く答えてください。" in form and f'value="{base.id}" selected' in form


def test_a_release_with_the_new_index_that_waits_is_named_instead(world, served):
    base, _release = served
    index_change(world, base)
    waiting = world.release(build=base.current_build)
    browser = world.browser()
    page = browser.get(base.get_absolute_url()).content.decode()
    assert f"{waiting} has the new index" in page and "/releases/new?like=" not in page
    assert "/releases/new?like=" not in browser.get("/").content.decode()


def test_an_index_that_was_only_built_again_is_no_news(world, served):
    base, _release = served
    build = index_build_again(knowledge_base=base, actor=world.actor)
    world.indexed(build.job)
    assert "/releases/new?like=" not in world.browser().get(base.get_absolute_url()).content.decode()
