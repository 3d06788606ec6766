"""Chat: what the model is asked, how answers stream, how errors arrive, and citations."""

from __future__ import annotations

import json

import httpx
import pytest

from accounts.groups import everyone_in
from chat.citations import citations
from demo.client import ApiClient
from releases.services import release_publish
from retrieval.services import document_remove
from tests.model_server_double import hit
from workers.contract.specs.serving import SearchHit

pytestmark = pytest.mark.slow

QUESTION = [{"role": "user", "content": "有給休暇は何日ですか"}]
CHAT = "/v1/chat/completions"


@pytest.fixture
def served(world):
    """A release with retrieval under `production`."""
    document = world.document("規則.txt")
    knowledge_base = world.knowledge_base([document])
    release = world.release(
        None,
        knowledge_base.current_build,
        approved=True,
        system_prompt="丁寧に答える。",
        generation={"max_tokens": 99, "temperature": 0.3, "passages": 2},
    )
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    return release


def ask(api: ApiClient, **body):
    return api.post("chat/completions", {"model": "production", "messages": QUESTION, **body})


def test_a_release_answers_with_its_prompt_settings_and_passages(api, served, model_server):
    answer = ask(api).ok
    searched, asked = model_server.bodies("/v1/search")[0], model_server.bodies(CHAT)[0]
    assert (searched["query"], searched["limit"]) == ("有給休暇は何日ですか", 20)
    assert (asked["max_tokens"], asked["temperature"]) == (99, 0.3)
    assert asked["messages"][0] == {"role": "system", "content": "丁寧に答える。"}
    assert "第5条 有給休暇は10日とする。" in asked["messages"][-1]["content"]
    citation = answer["choices"][0]["message"]["annotations"][0]["file_citation"]
    assert (citation["file_id"], citation["page"], citation["filename"]) == ("file-1", 3, "規則.txt")
    assert citation["quote"] == "第5条 有給休暇は10日とする。"


def test_the_callers_settings_override_the_releases(api, served, model_server):
    ask(api, temperature=0, max_completion_tokens=7, seed=3, stop=["。"])
    asked = model_server.bodies(CHAT)[0]
    assert (asked["temperature"], asked["max_tokens"], asked["seed"], asked["stop"]) == (0, 7, 3, ["。"])


@pytest.mark.parametrize("stop", ["a" * 201, ["a" * 201], ["a"] * 5])
def test_stop_strings_are_few_and_short(api, served, model_server, stop):
    status, _code, param = ask(api, stop=stop).error
    assert (status, param.partition(".")[0]) == (400, "stop")
    assert model_server.bodies(CHAT) == []


def test_a_plain_model_answers_without_retrieval(api, world, model_server):
    world.base_model()
    ask(api, model="gemma")
    assert model_server.bodies("/v1/search") == []
    assert model_server.bodies(CHAT)[0]["messages"] == QUESTION


def test_a_removed_document_is_excluded_from_the_next_search(api, world, served, model_server):
    knowledge_base = served.index_build.knowledge_base
    document = knowledge_base.entries.get().document
    ask(api)
    document_remove(knowledge_base=knowledge_base, document_id=document.id, actor=world.actor)
    ask(api)
    asked = [body["excluded_document_ids"] for body in model_server.bodies("/v1/search")]
    assert asked == [[], [document.id]]
    groups = [body["groups"] for body in model_server.bodies("/v1/search")]
    assert groups == [[everyone_in(world.organization.id)]] * 2


def test_a_question_too_long_for_a_search_is_cut_for_the_search_alone(api, served, model_server):
    long = "長" * 9000
    assert ask(api, messages=[{"role": "user", "content": long}]).status == 200
    assert len(model_server.bodies("/v1/search")[0]["query"]) == 8192
    assert long in model_server.bodies(CHAT)[0]["messages"][-1]["content"]


def test_the_model_servers_errors_reach_the_caller(api, served, model_server):
    model_server.error = (
        400,
        {"code": "context_length_exceeded", "message": "Too long.", "param": "messages"},
    )
    for stream in (False, True):
        assert ask(api, stream=stream).error == (400, "context_length_exceeded", "messages")
    model_server.error = (503, {"code": "serve.system.busy", "message": "Busy."})
    answer = ask(api, stream=True)
    assert answer.error[:2] == (503, "serve.system.busy")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("param", "sentence"),
    [
        ("index", "Build it again in Knowledge"),
        ("kosha.adapter", "Publish a release with another version"),
        ("model", "Have your operator bring its folder back"),
    ],
)
def test_damage_is_reported_with_what_to_do(api, served, model_server, param, sentence):
    code = "serve.system.artifact_damaged"
    model_server.error = (500, {"code": code, "message": "idx_1/vectors.faiss", "param": param})
    for stream in (False, True):
        answer = ask(api, stream=stream)
        assert answer.error[:2] == (500, code)
        assert sentence in answer.body["error"]["message"]


def test_an_absent_model_server_is_reported(api, served, settings):
    settings.MODEL_SERVER_URL = "http://127.0.0.1:9"
    assert ask(api).error == (503, "model_server_unavailable", None)
    assert ask(api, stream=True).error == (503, "model_server_unavailable", None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"model": "nothing"}, (404, "model_not_found", "model")),
        ({"model": "rel_nothing"}, (404, "model_not_found", "model")),
        ({"messages": []}, (400, "invalid_value", "messages")),
        ({"messages": [{"role": "robot", "content": "x"}]}, (400, "invalid_value", "messages.0.role")),
        ({"messages": [{"role": "assistant", "content": "x"}]}, (400, "last_message_not_user", "messages")),
        ({"messages": [{"role": "user", "content": " "}]}, (400, "empty_message", "messages.0.content")),
        ({"messages": [{"role": "user", "content": []}]}, (400, "empty_message", "messages.0.content")),
        ({"messages": [{"role": "user", "content": "x" * 1_000_001}]}, (400, "invalid_value", None)),
        ({"temperature": 3}, (400, "invalid_value", "temperature")),
        ({"max_tokens": 0}, (400, "invalid_value", "max_tokens")),
        ({"seed": 2**70}, (400, "invalid_value", "seed")),
        ({"n": 2}, (400, "unsupported_parameter", "n")),
        ({"tools": [{"type": "function"}]}, (400, "unsupported_parameter", "tools")),
        ({"response_format": {"type": "json_object"}}, (400, "invalid_value", "response_format.type")),
        (
            {"stream_options": {"include_usage": "perhaps"}},
            (400, "invalid_value", "stream_options.include_usage"),
        ),
        ({"temprature": 1}, (400, "unknown_parameter", "temprature")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_field_is_named(api, served, model_server, body, expected):
    status, code, param = ask(api, **body).error
    assert (status, code) == expected[:2]
    assert expected[2] is None or param == expected[2]


def test_harmless_fields_are_accepted(api, served, model_server):
    harmless = {"user": "u", "store": False, "metadata": {}, "n": 1, "tool_choice": "none"}
    assert ask(api, **harmless).status == 200


def test_embeddings(api, world, model_server):
    world.embedding_model()
    answer = api.post("embeddings", {"model": "e5", "input": ["a", "b"]}).ok
    assert [item["embedding"] for item in answer["data"]] == [[1.0, 0.5]] * 2
    assert api.post("embeddings", {"model": "x", "input": "a"}).error == (404, "model_not_found", "model")
    for wrong in ("", [], [""], ["a"] * 2049):
        assert api.post("embeddings", {"model": "e5", "input": wrong}).error == (
            400,
            "invalid_value",
            "input",
        )


def test_too_long_texts_are_refused_before_they_are_sent_to_the_model_server(api, world, model_server):
    for wrong, code, param in (
        ("a" * 32_769, "context_length_exceeded", "input"),
        (["a", "a" * 32_769], "context_length_exceeded", "input.1"),
        (["a" * 30_000] * 41, "too_many_tokens", "input"),
    ):
        refused = api.post("embeddings", {"model": "e5", "input": wrong})
        assert refused.error == (400, code, param)
    assert not model_server.asked


def test_the_model_server_is_told_whose_embeddings_they_are(api, world, model_server):
    world.embedding_model()
    assert api.post("embeddings", {"model": "e5", "input": "a"}).status == 200
    (sent,) = model_server.bodies("/v1/embeddings")
    assert sent["kosha"]["organization"] == world.organization.id


# -- streams, over real HTTP -------------------------------------------------------------------------
@pytest.fixture
def stream(web, live_world, model_server):
    live_world.base_model()
    headers = {"Authorization": f"Bearer {live_world.key()}"}

    def events(**body):
        body = {"model": "gemma", "messages": QUESTION, "stream": True, **body}
        with httpx.stream("POST", web + CHAT, json=body, headers=headers, timeout=20) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in answer.iter_lines() if line]
        assert all(line.startswith("data: ") for line in lines)
        return [line.removeprefix("data: ") for line in lines]

    return events


def test_a_stream_ends_with_done(stream):
    *chunks, done = stream()
    assert done == "[DONE]"
    deltas = [json.loads(chunk)["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content", "") for delta in deltas) == "有給休暇は10日です。"
    assert deltas[-1]["annotations"] == []


@pytest.mark.parametrize(
    ("way", "code"),
    [("breaks_after", "model_server_unavailable"), ("error_after", "serve.system.broken")],
)
def test_an_interrupted_stream_ends_with_an_error_event(stream, model_server, way, code):
    setattr(model_server, way, 2)
    events = stream()
    assert "[DONE]" not in events
    assert json.loads(events[-1])["error"]["code"] == code


def test_a_stream_holds_no_database_connection(stream, model_server):
    """Otherwise as many answers as the pool has connections would empty it."""
    from django.db import connection

    counted = []

    def count(body):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            counted.append(cursor.fetchone()[0])

    # Earlier tests may have left some.
    count(None)

    before = model_server._stream
    model_server._stream = lambda handler, body: (count(body), before(handler, body))
    connection.close()
    stream()
    assert counted[1:] == counted[:1]


# -- citations ---------------------------------------------------------------------------------------
def hits(*texts: str) -> list[SearchHit]:
    return [SearchHit.model_validate(hit(text, number=n)) for n, text in enumerate(texts, 1)]


def test_the_best_supporting_passage_is_cited_first():
    found = citations(
        "有給休暇は10日です。", hits("交通費は実費。", "休暇。有給休暇は10日とする。届け出る。")
    )
    assert [each["file_citation"]["page"] for each in found] == [2]
    assert found[0]["file_citation"]["quote"] == "有給休暇は10日とする。"


def test_a_question_supports_nothing():
    found = citations(
        "日当はいくらですか。日当は千円です。", hits("質問: 日当はいくらですか?\n回答: 日当は千円です。")
    )
    assert found[0]["file_citation"]["quote"] == "回答: 日当は千円です。"


def test_an_unsupported_answer_cites_the_first_passage_with_low_support():
    found = citations("まったく別の話題", hits("交通費は実費。", "出張。"))
    assert len(found) == 1 and found[0]["file_citation"]["support"] < 0.3


def test_no_passages_no_citations():
    assert citations("答え", []) == []
    assert citations("", hits("本文。"))[0]["file_citation"]["support"] == 0
