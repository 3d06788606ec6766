"""The chat pages but for the stream of an answer, which tests/console/test_chat_pages.py reads."""

from __future__ import annotations

import pytest
from django.test import Client

from chat.models import Conversation, Feedback, Message
from chat.services import answer_add, conversation_create, feedback_set, question_add
from releases.services import release_publish
from tests.world import World


@pytest.fixture
def browser(world: World) -> Client:
    return world.browser()


@pytest.fixture
def answer(world: World) -> Message:
    conversation = conversation_create(
        user=world.person(), alias="production", question="休暇は?", actor=world.actor
    )
    question_add(conversation=conversation, text="休暇は?")
    return answer_add(
        conversation=conversation, text="10日です。", annotations=[], release=None, finish_reason="stop"
    )


def text(response) -> str:
    return response.content.decode()


def test_without_a_release_the_page_names_the_first_step(browser: Client) -> None:
    assert "Publish an approved release: a model" in text(browser.get("/chat"))


def test_the_page_offers_what_is_served_and_preselects_what_is_named(world: World, browser: Client) -> None:
    release = world.release(approved=True)
    for alias in ("production", "staging"):
        release_publish(release_id=release.id, alias=alias, actor=world.actor)
    body = text(browser.get("/chat?with=staging"))
    assert '<option value="production">' in body
    assert '<option value="staging" selected>' in body
    assert release.id not in body


def test_a_conversation_shows_its_messages(browser: Client, answer: Message) -> None:
    body = text(browser.get(answer.conversation.get_absolute_url()))
    assert "休暇は?" in body and "10日です。" in body
    assert answer.conversation.title in text(browser.get("/chat"))


def test_feedback_is_stored_and_replaced(browser: Client, answer: Message) -> None:
    address = f"{answer.conversation.get_absolute_url()}/messages/{answer.id}/feedback"
    for helpful in (True, False):
        assert browser.post(address, {"helpful": str(helpful).lower()}).json() == {"helpful": helpful}
    assert Feedback.objects.get().helpful is False


def test_a_question_takes_no_feedback(browser: Client, answer: Message) -> None:
    question = answer.conversation.messages.get(role="user")
    address = f"{answer.conversation.get_absolute_url()}/messages/{question.id}/feedback"
    assert browser.post(address, {"helpful": "true"}).status_code == 404


def test_a_deleted_conversation_is_gone_and_stays_deleted(browser: Client, answer: Message) -> None:
    address = answer.conversation.get_absolute_url()
    assert browser.post(f"{address}/delete").url == "/chat"
    assert browser.get(address).status_code == browser.post(f"{address}/delete").status_code == 404
    assert Conversation.objects.get().deleted_at is not None


@pytest.mark.parametrize("path", ["", "/ask", "/delete", "/messages/MESSAGE/feedback"])
def test_another_person_reads_and_changes_nothing(world: World, answer: Message, path: str) -> None:
    other = world.browser("admin")
    feedback_set(message=answer, helpful=True)
    address = answer.conversation.get_absolute_url() + path.replace("MESSAGE", answer.id)
    asked = other.post(address, {"message": "?", "helpful": "false"}) if path else other.get(address)
    assert asked.status_code == 404
    assert Feedback.objects.get().helpful and Conversation.objects.get().deleted_at is None


@pytest.mark.parametrize("path", ["/ask", "/CONVERSATION/ask", "/CONVERSATION/delete"])
def test_changes_are_refused_by_get(browser: Client, answer: Message, path: str) -> None:
    assert browser.get(f"/chat{path.replace('CONVERSATION', answer.conversation_id)}").status_code == 405


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"message": " ", "target": "production"}, 400, "invalid_value"),
        ({"message": "長" * 8001, "target": "production"}, 400, "invalid_value"),
        ({"message": "休暇は?", "target": "nothing"}, 404, "model_not_found"),
        ({"message": "休暇は?"}, 404, "model_not_found"),
    ],
)
def test_a_question_that_is_refused_stores_nothing(world, browser, fields, status, code) -> None:
    response = browser.post("/chat/ask", fields)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert not Conversation.objects.exists() and not Message.objects.exists()
