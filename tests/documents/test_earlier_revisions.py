"""The document page shows the revision that an address names, as citations do."""

from __future__ import annotations

import html

import pytest

from documents.models import Document
from documents.places import place_url
from retrieval.services import knowledge_base_update
from tests.world import World

EARLIER, NEWER = "旧規程の電話は090-1234-5678である。", "新規程の電話は090-8765-4321である。"
NOTICE = "There is a newer one."


@pytest.fixture
def revised(world: World) -> tuple[Document, str, str]:
    """A document and its two revisions."""
    first = world.document("規程.txt", EARLIER)
    second = world.document("規程.txt", NEWER)
    assert first.id == second.id and first.current_revision_id != second.current_revision_id
    return second, str(first.current_revision_id), str(second.current_revision_id)


def shown(world: World, address: str) -> str:
    return html.unescape(world.browser().get(address).content.decode())


def test_an_address_with_a_revision_shows_its_text_and_tells_of_a_newer_one(world: World, revised) -> None:
    document, first, second = revised
    earlier = shown(world, place_url(document.id, 1, first))
    assert EARLIER in earlier and NEWER not in earlier and "This is revision 1." in earlier
    assert NOTICE in earlier and f'href="/documents/{document.id}"' in earlier
    assert f"/documents/{document.id}/content" not in earlier
    for address in (place_url(document.id, 1, second), document.get_absolute_url()):
        newest = shown(world, address)
        assert NEWER in newest and EARLIER not in newest and NOTICE not in newest
        assert f"/documents/{document.id}?revision={first}" in newest


def test_an_earlier_revision_is_masked_as_the_newest_is(world: World, revised) -> None:
    document, first, _second = revised
    knowledge_base_update(
        knowledge_base=world.knowledge_base([document]), personal_data="masked", actor=world.actor
    )
    page = shown(world, place_url(document.id, 1, first))
    assert "旧規程の電話は〔電話番号〕である。" in page and "090-1234-5678" not in page


def test_a_revision_of_another_document_is_not_found(world: World, revised) -> None:
    document, _first, _second = revised
    other = world.document("別.txt", "別の本文")
    for revision in (other.current_revision_id, "rev_absent"):
        assert world.browser().get(place_url(document.id, 1, revision)).status_code == 404
