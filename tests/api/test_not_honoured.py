"""A field of OpenAI's that is not honoured is refused by its name; null and OpenAI's own default are accepted."""

from __future__ import annotations

import hashlib

import pytest

pytestmark = pytest.mark.slow

CHAT = {"model": "gemma", "messages": [{"role": "user", "content": "?"}]}


def said(**fields) -> dict:
    return {"messages": [{"role": "user", "content": "?", **fields}]}


CHAT_FIELDS = [
    ({"n": 2}, "n"),
    ({"store": True}, "store"),
    ({"metadata": {"a": "b"}}, "metadata"),
    ({"service_tier": "flex"}, "service_tier"),
    ({"logprobs": True}, "logprobs"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logit_bias": {"1": 2}}, "logit_bias"),
    ({"tools": [{"type": "function"}]}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"functions": [{"name": "f"}]}, "functions"),
    ({"function_call": {"name": "f"}}, "function_call"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"audio": {"voice": "a"}}, "audio"),
    ({"prediction": {"type": "content"}}, "prediction"),
    ({"reasoning_effort": "low"}, "reasoning_effort"),
    ({"verbosity": "low"}, "verbosity"),
    ({"web_search_options": {}}, "web_search_options"),
    ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    (said(name="佐藤"), "messages.0.name"),
    (said(audio={"id": "a"}), "messages.0.audio"),
    (said(tool_calls=[{"id": "a"}]), "messages.0.tool_calls"),
    (said(function_call={"name": "f"}), "messages.0.function_call"),
    (said(refusal="いいえ"), "messages.0.refusal"),
    (said(role="assistant", tool_calls=[{"id": "a"}]), "messages.0.tool_calls"),
]
HARMLESS = [
    {name: None for fields, _param in CHAT_FIELDS for name in fields if name not in ("messages",)},
    said(name=None, audio=None, tool_calls=[], function_call=None, refusal=None),
    {
        "n": 1,
        "store": False,
        "metadata": {},
        "service_tier": "auto",
        "logprobs": False,
        "logit_bias": {},
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "modalities": ["text"],
        "response_format": {"type": "text"},
        "user": "u",
        "safety_identifier": "u",
        "prompt_cache_key": "k",
    },
    {"stream": False, "stream_options": {"include_usage": None, "include_obfuscation": False}},
]


@pytest.mark.parametrize(("fields", "param"), CHAT_FIELDS, ids=str)
def test_chat_refuses_by_name(api, world, model_server, fields, param):
    world.base_model()
    assert api.post("chat/completions", {**CHAT, **fields}).error == (400, "unsupported_parameter", param)
    assert model_server.asked == []


@pytest.mark.parametrize(
    ("message", "param", "why"),
    [
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            "content.0.type",
            "text",
        ),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "file"}]},
            "content.1.type",
            "text",
        ),
        ({"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}, "tool_calls", "no tools"),
        ({"role": "tool", "tool_call_id": "a", "content": "b"}, "role", "no tools"),
    ],
    ids=str,
)
def test_chat_says_why_a_message_is_not_supported(api, message, param, why):
    answer = api.post("chat/completions", {"model": "gemma", "messages": [message]})
    assert answer.error == (400, "unsupported_parameter", f"messages.0.{param}")
    assert why in answer.body["error"]["message"]


def test_both_names_of_the_longest_answer_must_agree(api, world, model_server):
    world.base_model()
    both = {**CHAT, "max_tokens": 5, "max_completion_tokens": 6}
    assert api.post("chat/completions", both).error == (400, "conflicting_parameters", "max_tokens")
    for limits in ({"max_tokens": 5}, {"max_completion_tokens": 5}, {**both, "max_completion_tokens": 5}):
        assert api.post("chat/completions", {**CHAT, **limits}).ok
        assert model_server.bodies("/v1/chat/completions")[-1]["max_tokens"] == 5
    assert api.post("chat/completions", CHAT).ok
    assert model_server.bodies("/v1/chat/completions")[-1]["max_tokens"] == 256


@pytest.mark.parametrize("fields", HARMLESS, ids=["null", "of a message", "defaults", "of a stream"])
def test_chat_accepts_null_and_defaults(api, world, model_server, fields):
    world.base_model()
    assert api.post("chat/completions", {**CHAT, **fields}).ok


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("embeddings", {"model": "e5", "input": "a", "dimensions": 7}, "dimensions"),
        ("vector_stores", {"description": "規程"}, "description"),
        ("vector_stores", {"expires_after": {"anchor": "last_active_at", "days": 1}}, "expires_after"),
        ("vector_stores", {"chunking_strategy": {"type": "static", "static": {}}}, "chunking_strategy"),
        ("vector_stores", {"chunking_strategy": {"type": "auto", "static": {"a": 1}}}, "chunking_strategy"),
        ("vector_stores/VS/files", {"file_id": "f", "attributes": {"a": "b"}}, "attributes"),
        ("vector_stores/VS/file_batches", {"file_ids": ["f"], "attributes": {"a": "b"}}, "attributes"),
        ("vector_stores/VS/search", {"query": "a", "filters": {"type": "eq"}}, "filters"),
        ("vector_stores/VS/search", {"query": "a", "rewrite_query": True}, "rewrite_query"),
        ("vector_stores/VS/search", {"query": "a", "ranking_options": {"ranker": "x"}}, "ranking_options"),
        ("fine_tuning/jobs", {"model": "m", "training_file": "f", "validation_file": "g"}, "validation_file"),
        (
            "fine_tuning/jobs",
            {"model": "m", "training_file": "f", "integrations": [{"type": "wandb"}]},
            "integrations",
        ),
        (
            "fine_tuning/jobs",
            {"model": "m", "training_file": "f", "method": {"type": "supervised", "dpo": {"a": 1}}},
            "method.dpo",
        ),
        (
            "fine_tuning/jobs",
            {"model": "m", "training_file": "f", "method": {"type": "supervised", "reinforcement": {}}},
            "method.reinforcement",
        ),
        (
            "fine_tuning/jobs",
            {
                "model": "m",
                "training_file": "f",
                "method": {"type": "supervised", "continued_pretraining": {"hyperparameters": {"epochs": 9}}},
            },
            "method.continued_pretraining",
        ),
        (
            "uploads",
            {
                "filename": "a",
                "bytes": 1,
                "purpose": "user_data",
                "mime_type": "text/plain",
                "expires_after": {"seconds": 3600},
            },
            "expires_after",
        ),
    ],
    ids=str,
)
def test_other_addresses_refuse_by_name(api, world, path, body, param):
    world.embedding_model()
    path = path.replace("VS", world.knowledge_base([]).id)
    assert api.post(path, body).error == (400, "unsupported_parameter", param)


def test_a_release_names_one_index(api, world):
    document = world.document()
    first = world.knowledge_base([document])
    other = world.knowledge_base([document], name="別")
    world.base_model()
    body = {"model": "gemma", "index_build": first.current_build_id, "vector_store": other.id}
    assert api.post("releases", body).error == (400, "conflicting_parameters", "index_build")
    assert api.post("releases", {**body, "vector_store": first.id}).ok["vector_store"] == first.id


@pytest.mark.parametrize(
    ("md5", "expected"),
    [
        (None, None),
        (hashlib.md5(b"abcdef").hexdigest(), None),
        (hashlib.md5(b"abcdef").hexdigest().upper(), None),
        (hashlib.md5(b"abcdeg").hexdigest(), (400, "md5_mismatch", "md5")),
        ("x", (400, "invalid_value", "md5")),
    ],
)
def test_the_md5_of_an_upload_is_compared(api, storage, md5, expected):
    body = {"filename": "a.txt", "bytes": 6, "purpose": "user_data", "mime_type": "text/plain"}
    upload = api.post("uploads", body).ok["id"]
    parts = [api.send(f"uploads/{upload}/parts", data=data).ok["id"] for data in (b"abc", b"def")]
    answer = api.post(f"uploads/{upload}/complete", {"part_ids": parts, "md5": md5})
    if expected is None:
        assert answer.ok["status"] == "completed"
    else:
        assert answer.error == expected
        assert api.get("files").ok["data"] == []
        assert api.post(f"uploads/{upload}/complete", {"part_ids": parts}).ok["status"] == "completed"
