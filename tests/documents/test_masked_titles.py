"""What a document calls itself and its parts is masked wherever its text is: on every route, for every reader.

What is streamed to API clients is looked at over real HTTP, in `tests/chat/test_personal_data.py`.
"""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import unquote

import pytest

from chat.models import Message
from curation.question_sets import question_add, question_set_create
from documents.models import Document
from tests.accounts.test_routes import ROUTE_LIST
from tests.accounts.things import things
from tests.in_process import api_of
from tests.model_server_double import hit
from tests.world import World
from workers.contract.records import Source, Span
from workers.engines.shared.personal_data import find

NAME, PHONE = "山田太郎", "090-1234-5678"
TITLE = f"担当者:{NAME}様、電話{PHONE}"
TEXT = f"{TITLE}\n第1条 当番は夜間とする。"
QUESTION = "夜間の当番の担当者は誰ですか"
RAW_ROUTES = {
    "POST v1/vector_stores/<vector_store_id>/search",
    "POST v1/chat/completions",
    "POST chat/ask",
    "GET v1/files",
    "GET v1/files/<file_id>",
    "GET v1/files/<file_id>/pages",
    "GET documents/<document_id>",
    "GET chat/<conversation_id>",
}
"""Of those that show what is planted to those who may see it."""


@pytest.fixture
def planted(world: World, model_server) -> dict[str, str]:
    """What the routes name, with a document whose title, label, heading and warning hold a name and a number."""
    page = {"kind": "sheet", "label": TITLE, "headings": [{"level": 1, "text": TITLE}]}
    document = world.document(
        "相談.xlsx",
        TEXT,
        title=TITLE,
        warnings=(f"attachments_not_read:1:{TITLE}.bin (wrong_type)",),
        page=page,
    )
    _ask_in_a_question_set(world, document)
    place = {"document_id": document.id, "number": 1, "kind": "sheet", "label": TITLE}
    model_server.hits = [hit(TEXT, spans=find(TEXT), **place)]
    model_server.answer_to = lambda body: [str(body["messages"][-1]["content"])]
    return things(world, alias="production", base_model_name="own-base", document=document)


def _ask_in_a_question_set(world: World, document: Document) -> None:
    revision = document.current_revision
    source = Source(
        document_id=document.id, revision_id=revision.id, document_name=document.name, kind="sheet", number=1
    )
    questions = question_set_create(name="当番", description="", actor=world.actor)
    question_add(
        question_set=questions,
        text=QUESTION,
        accepted=["当番"],
        spans=[Span(source=source, start=0, end=4)],
        actor=world.actor,
    )


def by_every_route(world: World, role: str, own: dict[str, str]) -> dict[str, str]:
    """All that is answered, by route."""
    api, browser = api_of(world.key(role)), world.browser(role)
    answers: dict[str, Any] = {}
    body = {"model": "production", "messages": [{"role": "user", "content": QUESTION}]}
    asked = {
        "v1/vector_stores/<vector_store_id>/search": {"query": QUESTION},
        "v1/chat/completions": body,
    }
    for path, sent in asked.items():
        address = path.replace("<vector_store_id>", own["vector_store_id"])
        answers[f"POST {path}"] = api.post(address.removeprefix("v1/"), sent).content
    told = browser.post("/chat/ask", {"message": QUESTION, "target": "production"})
    answers["POST chat/ask"] = b"".join(told)
    conversation = Message.objects.filter(role="assistant").order_by("-id")[0].conversation
    own = own | {"conversation_id": conversation.id}
    for route in ROUTE_LIST:
        if route.method != "GET" or not set(route.words) <= own.keys() or "secret" in str(route.words):
            continue
        address = route.address([own[word] for word in route.words])
        if route.is_api:
            answers[route.key] = api.get(address.removeprefix("/v1/")).content
        else:
            found = browser.get(address)
            is_endless = found.get("Content-Type", "").startswith("text/event-stream")
            answers[route.key] = b"" if is_endless else b"".join(found) if found.streaming else found.content
    return {key: _plain(content) for key, content in answers.items()}


def _plain(content: bytes) -> str:
    """With every letter as itself, however it was written."""
    text = re.sub(
        r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), content.decode(errors="replace")
    )
    return unquote(html.unescape(text))


@pytest.mark.slow
def test_what_is_planted_is_shown_on_no_route_where_it_is_masked(
    world: World, planted: dict[str, str]
) -> None:
    """To who may see it, then to a member who may not, then to the first one of a masked base."""
    assert told(by_every_route(world, "owner", planted)) >= RAW_ROUTES
    membership = world.membership("viewer")
    world.browser().post(f"/settings/members/{membership.id}/personal-data/withdraw")
    _is_masked_everywhere(by_every_route(world, "viewer", planted))
    store = f"vector_stores/{planted['vector_store_id']}"
    api_of(world.key()).post(store, {"personal_data": "masked"}).check()
    _is_masked_everywhere(by_every_route(world, "owner", planted))


def told(answers: dict[str, str]) -> set[str]:
    return {key for key, text in answers.items() if NAME in text or PHONE in text}


def _is_masked_everywhere(answers: dict[str, str]) -> None:
    assert len(answers) > 80
    assert told(answers) == set()
    assert "〔氏名〕" in answers["GET documents/<document_id>"]
    assert f"attachments_not_read:1:{TITLE}" not in answers["GET v1/files/<file_id>"]


@pytest.mark.parametrize(("is_masked", "finds"), [(False, True), (True, False)])
def test_a_hidden_title_is_not_found_by_what_it_hides(
    world: World, planted: dict[str, str], is_masked: bool, finds: bool
) -> None:
    if is_masked:
        Document.objects.filter(pk=planted["document_id"]).update(is_masked=True)
    page = world.browser().get("/documents", {"q": NAME}).content.decode()
    assert ("相談.xlsx" in page) == finds
    assert "相談.xlsx" in world.browser().get("/documents", {"q": "担当者"}).content.decode()
