"""A knowledge base is masked, or raw for those with the right: what each of them gets by every route."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from audit.models import AuditEvent
from chat.models import Message
from releases.services import release_publish
from tests.in_process import api_of
from tests.model_server_double import hit
from tests.world import World
from workers.engines.shared.personal_data import find

pytestmark = pytest.mark.slow

VALUE = "090-1234-5678"
TEXT = f"夜間の当番の電話は{VALUE}である。"
HIDDEN = "夜間の当番の電話は〔電話番号〕である。"
QUESTION = "夜間の当番の電話は何番ですか"
SEARCH, CHAT = "/v1/search", "/v1/chat/completions"


@pytest.fixture
def installation(request, model_server) -> World:
    """A document with a telephone number, in a knowledge base that is served; the model repeats its first passage."""
    is_live = request.node.get_closest_marker("django_db") is not None
    world: World = request.getfixturevalue("live_world" if is_live else "world")
    document = world.document("当番.txt", TEXT)
    base = world.knowledge_base([document])
    release = world.release(None, base.current_build, approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    place = {"document_id": document.id, "kind": "section", "number": 1, "label": f"当番の電話 {VALUE}"}
    model_server.hits = [hit(TEXT, spans=find(TEXT), **place)]
    model_server.answer_to = lambda body: re.findall(
        r"<資料 \[1\]>\n(.*?)\n</資料>", str(body["messages"][-1]["content"])
    )
    world.document_shown, world.base_shown = document, base
    return world


def withhold(world: World, role: str) -> None:
    """As an administrator does on the members page."""
    address = f"/settings/members/{world.membership(role).id}/personal-data/withdraw"
    assert world.browser().post(address).status_code == 302


def set_mode(world: World, mode: str) -> None:
    changed = api_of(world.key()).post(f"vector_stores/{world.base_shown.id}", {"personal_data": mode}).ok
    assert changed["personal_data"] == mode


def content_of(response) -> str:
    return (b"".join(response) if response.streaming else response.content).decode()


def by_every_route(world: World, web: str, role: str) -> dict[str, tuple[str, str]]:
    """By route: all that was answered, and what it says of itself."""
    api, browser = api_of(world.key(role)), world.browser(role)
    file, store = world.document_shown.id, world.base_shown
    body = {"model": "production", "messages": [{"role": "user", "content": QUESTION}]}
    found = api.post(f"vector_stores/{store.id}/search", {"query": QUESTION}).ok
    whole = api.post("chat/completions", body).ok
    headers = {"Authorization": f"Bearer {world.key(role)}"}
    stream = httpx.post(web + CHAT, json={**body, "stream": True}, headers=headers, timeout=30).text
    pages = api.get(f"files/{file}/pages").ok
    said = whole["choices"][0]["message"]
    citation = said["annotations"][0]["file_citation"]
    *_, last = (json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {"))
    answers: dict[str, tuple[str, str]] = {
        "search": (_text(found), found["personal_data"]),
        "passage": (_text(found["data"]), found["data"][0]["personal_data"]),
        "answer": (_text(whole), said["kosha"]["personal_data"]),
        "citation": (_text(said["annotations"]), citation["personal_data"]),
        "stream": (stream, last["choices"][0]["delta"]["kosha"]["personal_data"]),
        "pages": (_text(pages), pages["data"][0]["personal_data"]),
    }
    console = {
        "knowledge": f"{store.get_absolute_url()}?q={QUESTION}",
        "page of the citation": f"/documents/{file}?page={citation['page']}",
    }
    for name, address in console.items():
        answers[name] = _badged(content_of(browser.get(address)))
    told = content_of(browser.post("/chat/ask", {"message": QUESTION, "target": "production"}))
    answers["chat"] = (told, str(re.findall(r'"personal_data": "(\w*)"', told)[0]))
    conversation = Message.objects.filter(role="assistant").order_by("-id")[0].conversation
    answers["conversation"] = _badged(content_of(browser.get(conversation.get_absolute_url())))
    return answers


def _text(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False)


def _badged(page: str) -> tuple[str, str]:
    """Templates of what a script may show are no badges."""
    badges = re.findall(
        r'data-personal-data="(\w+)"', re.sub(r"<template.*?</template>", "", page, flags=re.S)
    )
    return page, badges[0] if len(set(badges)) == 1 else str(badges)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("mode", "has_right", "expected"),
    [("raw", True, "raw"), ("raw", False, "masked"), ("masked", True, "masked"), ("masked", False, "masked")],
)
def test_every_route_gives_the_text_as_its_knowledge_base_and_the_right_say(
    installation: World, web: str, model_server, mode: str, has_right: bool, expected: str
) -> None:
    set_mode(installation, mode)
    if not has_right:
        withhold(installation, "viewer")
    answers = by_every_route(installation, web, "viewer")
    assert {name: said for name, (_body, said) in answers.items()} == dict.fromkeys(answers, expected)
    holding = {name for name, (body, _said) in answers.items() if VALUE in body}
    assert holding == (set(answers) if expected == "raw" else set())
    prompts = [str(body["messages"]) for body in model_server.bodies(CHAT)]
    assert prompts and all((VALUE in one) == (expected == "raw") for one in prompts)


@pytest.mark.parametrize("mode", ["raw", "masked", "raw without the right"])
def test_an_original_is_given_raw_or_not_at_all(installation: World, mode: str) -> None:
    set_mode(installation, mode.split()[0])
    role = "owner"
    if mode == "raw without the right":
        role = "viewer"
        withhold(installation, role)
        assert VALUE not in content_of(installation.browser(role).get("/documents"))
    file = installation.document_shown.id
    api = api_of(installation.key(role)).get(f"files/{file}/content").raw
    console = installation.browser(role).get(f"/documents/{file}/content")
    for status, headers, body in (
        (api.status_code, api.headers, api.text),
        (console.status_code, console.headers, content_of(console)),
    ):
        if mode == "raw":
            assert (status, headers["X-Kosha-Personal-Data"]) == (200, "raw") and VALUE in body
        else:
            assert status == 403 and VALUE not in body
    assert mode == "raw" or api.json()["error"]["code"] == "original_withheld"
    page = content_of(installation.browser(role).get(f"/documents/{file}"))
    assert (f"/documents/{file}/content" in page) == (mode == "raw")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["the base is masked", "the right is withdrawn"])
def test_a_change_holds_for_the_next_request_and_for_earlier_answers(
    installation: World, model_server, how: str
) -> None:
    builds = installation.base_shown.builds.count()
    browser = installation.browser("viewer")
    content_of(browser.post("/chat/ask", {"message": QUESTION, "target": "production"}))
    address = Message.objects.get(role="assistant").conversation.get_absolute_url()
    assert VALUE in content_of(browser.get(address))
    if how == "the base is masked":
        set_mode(installation, "masked")
    else:
        withhold(installation, "viewer")
    shown = content_of(browser.get(address))
    assert VALUE not in shown and "This answer was given from text with personal data" in shown
    # What was said raw is not sent to the model again.
    told = content_of(browser.post(f"{address}/ask", {"message": QUESTION}))
    assert VALUE not in told and HIDDEN in told
    assert VALUE not in str(model_server.bodies(CHAT)[-1])
    if how == "the base is masked":
        set_mode(installation, "raw")
    else:
        member = installation.membership("viewer")
        installation.browser().post(f"/settings/members/{member.id}/personal-data/give")
    assert VALUE in content_of(browser.get(address))
    assert installation.base_shown.builds.count() == builds


def test_the_raw_value_is_searched_for_and_checked_answers_stay_checked(
    installation: World, model_server
) -> None:
    set_mode(installation, "masked")
    api = api_of(installation.key("viewer"))
    api.post(f"vector_stores/{installation.base_shown.id}/search", {"query": VALUE})
    assert (model_server.bodies(SEARCH)[-1]["query"], model_server.bodies(SEARCH)[-1]["personal_data"]) == (
        VALUE,
        "masked",
    )

    def answer() -> tuple[str, bool]:
        body = {"model": "production", "messages": [{"role": "user", "content": QUESTION}]}
        message = api.post("chat/completions", body).ok["choices"][0]["message"]
        return message["content"], message["kosha"]["answered"]

    assert answer() == (HIDDEN, True)
    # A number that the masked passage does not state is not given as fact, although the raw one states it.
    model_server.answer_to = lambda body: [TEXT]
    text, answered = answer()
    assert VALUE not in text and not answered


def test_a_raw_passage_of_a_model_server_that_does_not_mask_is_refused(
    installation: World, model_server, monkeypatch
) -> None:
    set_mode(installation, "masked")
    monkeypatch.setattr("tests.model_server_double.leaving", lambda hit, mode: hit)
    api = api_of(installation.key("viewer"))
    answer = api.post(f"vector_stores/{installation.base_shown.id}/search", {"query": QUESTION})
    assert answer.error[:2] == (500, "model_server_failed") and VALUE not in answer.raw.text


def test_a_question_with_an_address_is_answered_from_masked_passages(
    installation: World, model_server
) -> None:
    text = "設備の窓口は設備課で、宛先はpump2@example.co.jpである。"
    model_server.hits = [hit(text, spans=find(text))]
    body = {
        "model": "production",
        "messages": [{"role": "user", "content": "pump2@example.co.jpはどこの宛先ですか"}],
    }
    for mode, given in (("raw", text), ("masked", "設備の窓口は設備課で、宛先は〔メールアドレス〕である。")):
        set_mode(installation, mode)
        message = api_of(installation.key()).post("chat/completions", body).ok["choices"][0]["message"]
        assert (message["content"], message["kosha"]["answered"]) == (given, True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["raw", "masked"])
def test_text_without_personal_data_says_so_on_screen_and_has_the_mode_in_the_api(
    installation: World, web: str, model_server, mode: str
) -> None:
    set_mode(installation, mode)
    plain = "夜間の当番の電話は守衛室にある。"
    model_server.hits = [hit(plain, document_id=installation.document_shown.id, number=1)]
    answers = by_every_route(installation, web, "viewer")
    said = {name: badge for name, (_body, badge) in answers.items()}
    assert (said.pop("chat"), said.pop("conversation")) == ("none", "none")
    # The knowledge base says how it shows personal data; its passage, that none was found in it.
    assert said.pop("knowledge") == str([mode, "none"])
    assert said == dict.fromkeys(said, mode)


# -- the choice -----------------------------------------------------------------------------------
def test_the_choice_is_made_in_api_and_console_and_audited(installation: World) -> None:
    api, base = api_of(installation.key()), installation.base_shown
    assert api.get(f"vector_stores/{base.id}").ok["personal_data"] == "raw"
    made = api.post("vector_stores", {"name": "名簿", "personal_data": "masked"}).ok
    assert made["personal_data"] == "masked"
    wrong = api.post(f"vector_stores/{base.id}", {"personal_data": "hidden"})
    assert wrong.error == (400, "invalid_value", "personal_data")
    renamed = api.post(f"vector_stores/{made['id']}", {"name": "名簿2"}).ok
    assert (renamed["name"], renamed["personal_data"]) == ("名簿2", "masked")

    address, browser = f"{base.get_absolute_url()}/personal-data", installation.browser()
    assert "Personal data: masked" in content_of(
        browser.post(address, {"personal_data": "masked"}, follow=True)
    )
    assert browser.post(address, {"personal_data": "hidden"}).status_code == 400
    assert installation.browser("viewer").post(address, {"personal_data": "raw"}).status_code == 403
    (event,) = AuditEvent.objects.filter(target_id=base.id, action="knowledge_base.updated")
    said = {name: event.data[name] for name in ("personal_data_before", "personal_data", "documents_changed")}
    assert said == {"personal_data_before": "raw", "personal_data": "masked", "documents_changed": 1}


@pytest.mark.parametrize(
    "how", ["removed from the base", "the base is deleted", "an earlier release read it"]
)
def test_a_page_is_masked_once_its_document_was_in_a_masked_base(installation: World, how: str) -> None:
    set_mode(installation, "masked")
    api, file, store = api_of(installation.key()), installation.document_shown, installation.base_shown
    if how == "an earlier release read it":
        from documents.selectors import pages_folder

        (pages_folder(file.current_revision) / "personal_data.jsonl").unlink()
        assert api.get(f"files/{file.id}/pages").error == (409, "personal_data_unknown", None)
        shown = content_of(installation.browser().get(f"/documents/{file.id}"))
        assert VALUE not in shown and "its text cannot be masked" in shown
        return
    assert api.get(f"files/{file.id}/pages").ok["data"][0]["text"] == HIDDEN
    path = f"vector_stores/{store.id}"
    api.delete(path if how == "the base is deleted" else f"{path}/files/{file.id}")
    assert api.get(f"files/{file.id}/pages").ok["data"][0]["text"] == HIDDEN
