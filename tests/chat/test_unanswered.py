"""What the documents do not say is said not to be found, and a wrong answer is not given: whole and in a stream."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chat.answering import answer, answer_stream
from chat.finding import Found, find
from chat.selectors import Target
from common.model_server import SearchIndex
from releases.services import GenerationSettings
from tests.model_server_double import hit
from workers.contract.specs.serving import ChatBody, ModelChoice

SEARCH, CHAT = "/v1/search", "/v1/chat/completions"
FAR = [{**hit("第5条 有給休暇は10日とする。"), "score": 0.2}]
JAPANESE = "資料からは見つかりませんでした。近い箇所を下に示します。"
ENGLISH = "The documents do not seem to answer this. The nearest passages are listed below."


@pytest.fixture
def target() -> Target:
    weights = ModelChoice(base_model=Path("/m"))
    index = SearchIndex(folder=Path("/i"), groups=("everyone",), personal_data="raw")
    return Target("production", weights, index=index, generation=GenerationSettings(passages=2))


def messages(*questions: str) -> list[dict[str, str]]:
    turns = [{"role": "user", "content": text} for text in questions]
    for number in range(1, len(questions)):
        turns.insert(2 * number - 1, {"role": "assistant", "content": "答え。"})
    return turns


def body(target: Target, **fields: Any) -> ChatBody:
    return ChatBody.model_validate({"messages": messages("?"), "kosha": target.weights, **fields})


def asked(target: Target, *questions: str, **fields: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The message of the whole answer, and the chunks of the same answer as a stream."""

    async def both():
        found = await find(target, messages(*questions))
        whole = await answer(target, body(target, **fields), found)
        return whole, [chunk async for chunk in answer_stream(target, body(target, **fields), found)]

    whole, chunks = asyncio.run(both())
    return whole["choices"][0]["message"], chunks


def assert_stream_says(chunks: list[dict[str, Any]], message: dict[str, Any]) -> None:
    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == message["content"]
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + ["stop"]
    last = choices[-1]["delta"]
    assert (last["annotations"], last["kosha"]) == (message["annotations"], message["kosha"])


@pytest.mark.parametrize(("question", "text"), [("株価は", JAPANESE), ("Who is the chairman?", ENGLISH)])
def test_what_is_not_found_is_said_in_the_askers_language(target, model_server, question, text):
    model_server.hits = FAR
    message, chunks = asked(target, question)
    kosha = {"answered": False, "reason": "not_found", "personal_data": "raw"}
    assert (message["content"], message["kosha"]) == (text, kosha)
    assert [each["file_citation"]["support"] for each in message["annotations"]] == [0.0]
    assert_stream_says(chunks, message)
    assert model_server.bodies(CHAT) == []


def test_without_any_passage_none_is_promised(target, model_server):
    model_server.hits = []
    message, _chunks = asked(target, "株価は")
    assert (message["content"], message["annotations"]) == ("資料からは見つかりませんでした。", [])


@pytest.mark.parametrize(
    ("pieces", "text", "kosha"),
    [
        (["有給休暇は", "10日です。"], "有給休暇は10日です。", {"answered": True, "reason": None}),
        (
            ["有給休暇は10日", "です。翌年は", "99日です。", "さらに", "届け出る。"],
            "有給休暇は10日です。",
            {"answered": True, "reason": "rest_withheld"},
        ),
        (["有給休暇は20", "日です。"], None, {"answered": False, "reason": "unsupported"}),
        (["資料からは分かり", "ません。"], None, {"answered": False, "reason": "not_stated"}),
        ([""], None, {"answered": False, "reason": "no_answer"}),
    ],
)
def test_only_what_is_supported_is_given_as_fact(target, model_server, pieces, text, kosha):
    model_server.answer = pieces
    message, chunks = asked(target, "有給休暇は何日")
    assert message["kosha"] == kosha | {"personal_data": "raw"}
    if text is None:
        assert "近い箇所を下に示します。" in message["content"] and "20日" not in message["content"]
    else:
        assert message["content"] == text
    assert message["annotations"][0]["file_citation"]["quote"] == "第5条 有給休暇は10日とする。"
    assert_stream_says(chunks, message)


@pytest.mark.parametrize("pieces", [["有給休暇は20", "日です。", "続き。"], ["有給休暇は", "10日です。"]])
def test_usage_comes_also_after_an_answer_that_ended_early(target, model_server, pieces):
    model_server.answer = pieces
    _message, chunks = asked(target, "有給休暇は何日", stream_options={"include_usage": True})
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"]) == ([], 7)


def test_an_answer_that_ended_early_is_no_longer_generated(target, model_server):
    model_server.answer, model_server.waits_after = ["有給休暇は20日です。", "続き。"], 2
    found = Found("有給休暇は何日", asyncio.run(find(target, messages("有給休暇は何日"))).passages)

    async def stream() -> list[dict[str, Any]]:
        return [chunk async for chunk in answer_stream(target, body(target), found)]

    # The double waits for ever after the first piece: the stream ends only because it is left.
    assert asyncio.run(stream())[-1]["choices"][0]["finish_reason"] == "stop"


def hits(*texts: str) -> list[dict[str, Any]]:
    return [{**hit(text), "chunk_id": str(number)} for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("question", "texts", "reason"),
    [
        ("E09は何ですか", ["E09 盤内温度の上昇"], None),
        ("KCN-5のE09は?", ["KCN-5の仕様", "E06 空運転", "E09 盤内温度の上昇"], None),
        ("KCN-5のE27は?", ["KCN-5の仕様", "E09 盤内温度の上昇"], "not_found"),
        ("AVP-999の定価", ["AVP-320 186000"], "not_found"),
    ],
)
def test_a_code_of_the_question_stands_in_the_passages(target, model_server, question, texts, reason):
    model_server.hits = hits(*texts)
    found = asyncio.run(find(target, messages(question)))
    assert found.reason == reason
    if reason is None:
        assert any("E09" in passage.text for passage in found.passages)
        assert not any("E06" in passage.text for passage in found.passages)


MANUAL = ("取扱説明書_KCN-5.pdf", "起動圧力を入力する。"), ("取扱説明書_KCN-5.pdf", "E09 盤内温度の上昇")
LIST = (
    ("価格表.xlsx", "KP-220 186000"),
    ("価格表.xlsx", "KP-300 214000"),
    ("比較.txt", "KP-220とKP-300がある。"),
)


@pytest.mark.parametrize(
    ("question", "passages", "expected"),
    [
        pytest.param("KCN-5のE09は?", MANUAL, [1], id="a document's name says what its passages are about"),
        pytest.param("E09の出たKCN-5は?", [("", "KCN-5の表示"), *MANUAL], [2], id="only what has both"),
        pytest.param(
            "KCN-5のE09は?",
            [("", "KCN-5の仕様"), ("", "E09 温度"), ("", "KCN-5")],
            [1, 0, 2],
            id="rarest first",
        ),
        pytest.param("KP-220とKP-300の定価は?", LIST, [2, 0, 1], id="several of one kind"),
    ],
)
def test_passages_about_all_codes_of_the_question_are_answered_from(
    target, model_server, question, passages, expected
):
    found = hits(*(text for _, text in passages))
    for one, (name, _) in zip(found, passages, strict=True):
        one["source"] = {**one["source"], "document_name": name or "x.txt"}
    model_server.hits = found
    target = replace(target, generation=GenerationSettings(passages=3))
    answered_from = asyncio.run(find(target, messages(question))).passages
    assert [passage.chunk_id for passage in answered_from] == list(map(str, expected))


def test_a_question_that_refers_to_the_one_before_is_searched_with_it(target, model_server):
    near, search = model_server.hits, model_server._serve

    def serve(handler, body):
        model_server.hits = near if "有給休暇" in body.get("query", "有給休暇") else FAR
        search(handler, body)

    model_server._serve = serve
    found = asyncio.run(find(target, messages("有給休暇は何日", "では半日では?")))
    assert found.reason is None
    assert [asked["query"] for asked in model_server.bodies(SEARCH)] == [
        "では半日では?",
        "有給休暇は何日\nでは半日では?",
    ]
