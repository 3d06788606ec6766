"""The chat pages: a question, its streamed answer with citations, and failures of the model server."""

from __future__ import annotations

import asyncio
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient

from accounts.models import Role
from accounts.principal import Principal
from chat.conversing import ConversationAnswer, turns
from chat.models import Conversation, Feedback, Message
from chat.selectors import target_get
from chat.services import conversation_create, question_add
from common.permissions import PAGE_ORGANIZATION_HEADER
from tests.console.company import Company
from tests.console.products import Products

pytestmark = pytest.mark.slow

PIECES = ["日当は2,500円です。", "上限も2,500円です。", "宿泊は別です。"]


class ModelServer(BaseHTTPRequestHandler):
    """Finds one passage and answers in three pieces; what it was asked stays in `seen`."""

    seen: list[dict]
    breaks_off = False
    document_id = ""
    score = 0.9

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append({"path": self.path, **body})
        self.send_response(200)
        self.end_headers()
        if self.path == "/v1/search":
            self.wfile.write(json.dumps({"hits": [self._hit()], "seconds": 0.0}).encode())
            return
        for piece in PIECES:
            self._chunk({"content": piece}, None)
        if not self.breaks_off:
            self._chunk({}, "stop")
            self.wfile.write(b"data: [DONE]\n\n")

    def _hit(self):
        source = {"document_id": self.document_id, "revision_id": "rev_1", "document_name": "旅費規程.txt"}
        place = {"kind": "page", "number": 2, "label": None, "cells": None}
        scores = {"score": self.score, "dense_score": 0.8, "lexical_score": 3.0}
        return {"chunk_id": "c", "text": "日当は2,500円です。", "source": {**source, **place}, **scores}

    def _chunk(self, delta, reason):
        chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def model_server(settings):
    handler = type("Handler", (ModelServer,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    settings.MODEL_SERVER_URL = f"http://127.0.0.1:{server.server_port}"
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def served(transactional_db, model_server):
    company = Company("ours")
    products = Products(company)
    document = company.document("旅費規程.txt")
    model_server.document_id = document.id
    products.release(None, products.knowledge([document]), state="published")
    return company


async def in_thread(call, *args):
    """A call that uses the database; its thread's connection would outlive the test otherwise."""

    def closing():
        try:
            return call(*args)
        finally:
            connection.close()

    return await sync_to_async(closing)()


def events(body: bytes) -> list[tuple[str, dict]]:
    blocks = [block.split("\n") for block in body.decode().split("\n\n") if block.startswith("event:")]
    return [(head.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for head, data in blocks]


class Visitor(AsyncClient):
    """Sends what the page's script sends. `AsyncClient` does not send headers that it was made with."""

    page: dict[str, str]

    async def post(self, path, data=None, **more):
        return await super().post(path, data, headers=self.page, **more)


async def ask(client: AsyncClient, path: str, **fields) -> list[tuple[str, dict]]:
    response = await client.post(path, fields)
    assert response.status_code == 200, response.content
    return events(b"".join([part async for part in response.streaming_content]))


def asked_by(company, role=Role.VIEWER) -> AsyncClient:
    client = Visitor()
    client.page = {PAGE_ORGANIZATION_HEADER: company.organization.id}
    client.force_login(company.user(role))
    client.cookies["django_language"] = "en"
    return client


@pytest.mark.django_db(transaction=True)
async def test_an_answer_streams_with_citations_and_is_stored(served, model_server):
    client = await in_thread(asked_by, served)
    received = await ask(client, "/chat/ask", message="日当はいくら？", target="production")
    assert [name for name, _data in received] == [
        "begun",
        "status",
        *["delta"] * 3,
        "outcome",
        "citations",
        "done",
    ]
    assert "".join(data["text"] for name, data in received if name == "delta") == "".join(PIECES)
    assert received[5][1] == {"note": "", "personal_data": "none"}
    citation = received[6][1][0]
    assert citation["title"] == "旅費規程.txt" and citation["place"] == "page 2"
    assert citation["url"].endswith("?page=2&revision=rev_1#page-2")

    def stored():
        with served.scope():
            message = Message.objects.select_related("release").get(role="assistant")
            return message.content, message.finish_reason, message.release.number, len(message.annotations)

    assert await in_thread(stored) == ("".join(PIECES), "stop", 1, 1)
    await ask(client, received[0][1]["ask"], message="役員は？")
    roles = [message["role"] for message in model_server.seen[-1]["messages"]]
    assert roles[-3:] == ["user", "assistant", "user"]


@pytest.mark.django_db(transaction=True)
async def test_what_is_not_found_is_said_with_the_nearest_passages_and_stored(served, model_server):
    model_server.score = 0.1
    client = await in_thread(asked_by, served)
    received = await ask(client, "/chat/ask", message="株価は？", target="production")
    assert [name for name, _data in received] == ["begun", "status", "delta", "outcome", "citations", "done"]
    # In the asker's language; what the page says of it is in the page's.
    assert received[2][1]["text"].startswith("資料からは見つかりませんでした。")
    assert received[3][1]["note"] == "Nearest passages; they do not confirm an answer."
    assert received[4][1][0]["title"] == "旅費規程.txt"

    def stored():
        with served.scope():
            return Message.objects.get(role="assistant").reason

    assert await in_thread(stored) == "not_found"
    page = await client.get(received[0][1]["url"])
    assert "Nearest passages; they do not confirm an answer." in page.content.decode()


@pytest.mark.django_db(transaction=True)
async def test_stores_the_text_so_far_of_an_interrupted_answer(served, model_server):
    model_server.breaks_off = True
    client = await in_thread(asked_by, served)
    received = await ask(client, "/chat/ask", message="日当は？", target="production")
    assert [name for name, _data in received][-2:] == ["error", "done"]

    def stored():
        with served.scope():
            return Message.objects.get(role="assistant").finish_reason, Message.objects.get(
                role="assistant"
            ).content

    assert await in_thread(stored) == ("error", "".join(PIECES))
    page = await client.get(received[0][1]["url"])
    # Marked, with the offer to ask again; the template of a live failure holds the same button.
    assert "This answer was interrupted." in page.content.decode()
    assert page.content.decode().count("data-retry") == 2


@pytest.mark.django_db(transaction=True)
async def test_the_conversation_says_when_the_model_server_does_not_answer(served, settings):
    settings.MODEL_SERVER_URL = "http://127.0.0.1:9"
    client = await in_thread(asked_by, served)
    received = await ask(client, "/chat/ask", message="日当は？", target="production")
    assert [name for name, _data in received] == ["begun", "status", "error", "done"]
    assert received[2][1]["message"] == "The model server does not answer. Try again in a moment."


def principal(served, user) -> Principal:
    return Principal(served.actor(), served.organization.id, Role.VIEWER, user)


@pytest.mark.django_db(transaction=True)
async def test_an_answer_that_cannot_be_stored_stays_on_the_page_with_an_error(served):
    def prepared() -> ConversationAnswer:
        user = served.user(Role.VIEWER)
        caller = principal(served, user)
        with served.scope():
            conversation = conversation_create(
                user=user, alias="production", question="日当は？", actor=served.actor()
            )
            question_add(conversation=conversation, text="日当は？")
            answer = ConversationAnswer(
                conversation, caller, target_get("production", caller), turns(conversation, caller), "en"
            )
            # Gone meanwhile, so that the answer's row has nothing to hang on.
            Message.objects.filter(conversation=conversation).delete()
            conversation.delete()
            return answer

    answer = await in_thread(prepared)
    received = events("".join([line async for line in answer.events()]).encode())
    assert [name for name, _data in received][-1] == "error"
    assert "could not be saved" in received[-1][1]["message"]
    assert "".join(data["text"] for name, data in received if name == "delta") == "".join(PIECES)


def prepared(served) -> ConversationAnswer:
    user = served.user(Role.VIEWER)
    caller = principal(served, user)
    with served.scope():
        conversation = conversation_create(
            user=user, alias="production", question="日当は？", actor=served.actor()
        )
        question_add(conversation=conversation, text="日当は？")
        return ConversationAnswer(
            conversation, caller, target_get("production", caller), turns(conversation, caller), "en"
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("pieces", "events_read", "text"),
    [
        (PIECES, 1, ""),
        (PIECES, 3, PIECES[0]),
        (PIECES, 4, "".join(PIECES[:2])),
        # A draft that is not complete, one that is not let through, and what is said in its place.
        ([PIECES[0], "日当は9,900"], 3, PIECES[0]),
        ([PIECES[0], "日当は9,900円です。"], 3, PIECES[0]),
        (["日当は9,900円です。"], 3, ""),
    ],
)
async def test_what_is_stored_of_a_stream_closed_early_was_let_through_and_is_cited(
    served, monkeypatch, pieces, events_read, text
):
    monkeypatch.setattr("tests.console.test_chat_pages.PIECES", pieces)
    answer = await in_thread(prepared, served)
    stream = answer.events()
    for _number in range(events_read):
        await anext(stream)
    await stream.aclose()

    def stored():
        with served.scope():
            message = Message.objects.get(role="assistant")
            quotes = [each["file_citation"]["quote"] for each in message.annotations]
            return message.content, message.finish_reason, quotes

    assert await in_thread(stored) == (text, "cancelled", ["日当は2,500円です。"] if text else [])


@pytest.mark.django_db(transaction=True)
async def test_an_answer_is_stored_as_cancelled_when_its_reader_leaves(served):
    answer = await in_thread(prepared, served)

    async def read_two() -> None:
        seen = 0
        async for _event in answer.events():
            seen += 1
            if seen == 3:
                await asyncio.Event().wait()

    reader = asyncio.create_task(read_two())
    while not answer.text:
        await asyncio.sleep(0.01)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader

    def stored():
        with served.scope():
            return list(Message.objects.filter(role="assistant").values_list("finish_reason", "content"))

    async def when_stored():
        while not (found := await in_thread(stored)):
            await asyncio.sleep(0.01)
        return found

    assert await asyncio.wait_for(when_stored(), 10) == [("cancelled", PIECES[0])]


@pytest.mark.django_db(transaction=True)
async def test_refuses_before_anything_is_stored(served):
    client = await in_thread(asked_by, served)
    for fields, status in (
        ({"message": " ", "target": "production"}, 400),
        ({"message": "日当は？", "target": "nobody"}, 404),
    ):
        response = await client.post("/chat/ask", fields)
        assert response.status_code == status
        assert response.json()["error"]["message"]
    assert (await client.post("/chat/conv_absent/ask", {"message": "?"})).status_code == 404

    def kept():
        with served.scope():
            return Conversation.objects.count()

    assert await in_thread(kept) == 0


def test_a_conversation_is_private(everything, company):
    assert company.client(Role.ADMIN).get(everything["conversation"].get_absolute_url()).status_code == 404


def test_a_citation_links_to_the_page_of_the_document(everything, company):
    body = company.client().get(everything["conversation"].get_absolute_url()).content.decode()
    document = everything["document"]
    address = f"/documents/{document.id}?page=2&revision={document.current_revision_id}#page-2"
    assert address in body.replace("\\u0026", "&")


def test_feedback_is_stored_and_may_change(everything, company):
    client = company.client()
    body = client.get(everything["conversation"].get_absolute_url()).content.decode()
    address = body.split('data-tools="')[1].split('"')[0]
    for helpful in ("true", "false"):
        assert client.post(address, {"helpful": helpful}).status_code == 200
    with company.scope():
        assert [feedback.helpful for feedback in Feedback.objects.all()] == [False]
