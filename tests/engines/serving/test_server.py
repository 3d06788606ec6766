"""The server with its clients: the official openai client, the platform's client, and one without the token."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from django.utils.translation import override

from common.model_server import (
    ContextTooLong,
    ModelServer,
    ModelServerFailed,
    ModelServerUnavailable,
    SearchIndex,
)
from tests.engines.serving.conftest import TOKEN, Models
from workers.contract.artifacts import manifest_sha256
from workers.contract.model_folder import model_folder_digest
from workers.contract.specs.serving import ChatBody
from workers.engines.serving.backends.torch.backend import TorchBackend
from workers.engines.serving.errors import ServeError
from workers.engines.serving.model_cache import ModelCache
from workers.engines.serving.models import TextModel
from workers.engines.serving.settings import ServingSettings

pytestmark = pytest.mark.ml

QUESTION = [{"role": "user", "content": "有給休暇は何日ですか。"}]


@pytest.fixture
def client(server: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server}/v1", api_key=TOKEN, max_retries=0)


@pytest.fixture
def platform_client(server: str) -> ModelServer:
    return ModelServer(server, TOKEN)


def choice(models: Models, adapter: Path | None = None) -> dict[str, Any]:
    return {"kosha": {"base_model": str(models.base), "adapter": adapter and str(adapter)}}


def searchable(folder: Path, sha256: str | None = None, *embedding_model: Any) -> SearchIndex:
    return SearchIndex(folder, ("everyone",), (), sha256, *embedding_model)


def chat_body(models: Models, **fields: Any) -> ChatBody:
    return ChatBody.model_validate(
        {"messages": QUESTION, "max_tokens": 8, "temperature": 0, **choice(models), **fields}
    )


def test_a_stream_has_openais_shape(client: openai.OpenAI, models: Models) -> None:
    stream = client.chat.completions.create(
        model="m", messages=QUESTION, max_tokens=8, temperature=0, stream=True,
        stream_options={"include_usage": True}, extra_body=choice(models),
    )  # fmt: skip
    chunks = list(stream)
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason in {"stop", "length"}
    assert chunks[-1].choices == [] and 0 < chunks[-1].usage.completion_tokens <= 8
    whole = client.chat.completions.create(
        model="m", messages=QUESTION, max_tokens=8, temperature=0, extra_body=choice(models)
    )
    assert whole.usage == chunks[-1].usage
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert whole.choices[0].message.content == text


def test_the_raw_stream_ends_with_done(server: str, models: Models) -> None:
    body = chat_body(models, stream=True).model_dump(mode="json", exclude_none=True)
    answer = httpx.post(
        f"{server}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert all(json.loads(line.removeprefix("data: "))["choices"] for line in lines[:-1])


async def test_adapters_asked_for_together_answer_as_alone(server: str, models: Models) -> None:
    client = openai.AsyncOpenAI(base_url=f"{server}/v1", api_key=TOKEN, max_retries=0)

    async def answer(adapter: Path | None) -> str:
        completion = await client.chat.completions.create(
            model="m", messages=QUESTION, max_tokens=16, temperature=0, extra_body=choice(models, adapter)
        )
        return completion.choices[0].message.content or ""

    adapters = [None, models.red, models.blue]
    apart = [await answer(adapter) for adapter in adapters]
    together = await asyncio.gather(*(answer(adapter) for adapter in adapters * 2))
    assert list(together) == apart * 2
    assert len(set(apart)) == 3


async def test_cancels_the_answer_when_its_stream_is_closed(
    platform_client: ModelServer, models: Models
) -> None:
    # What was written is preferred more and more, so the answer never ends by itself, and written to
    # its limit it takes several times as long as the test waits. Drawn, since the likeliest first token
    # may be a part of a character, which shows nothing however often it is repeated.
    body = chat_body(models, max_tokens=8000, frequency_penalty=-2, temperature=1, seed=3)
    async for chunk in platform_client.chat_stream(body):
        if chunk["choices"][0]["delta"].get("content"):
            break
    assert platform_client.health().queue, "the answer is still being written"
    deadline = time.monotonic() + 5
    while platform_client.health().queue:
        assert time.monotonic() < deadline
        await asyncio.sleep(0)


def test_embeddings_through_the_openai_client(client: openai.OpenAI, models: Models) -> None:
    body = {"kosha": {"embedding_model": str(models.embedding), "role": "query"}}
    packed = client.embeddings.create(model="e", input=["休暇", "旅費"], extra_body=body)
    plain = client.embeddings.create(model="e", input="旅費", encoding_format="float", extra_body=body)
    assert [item.index for item in packed.data] == [0, 1]
    assert packed.data[1].embedding == pytest.approx(plain.data[0].embedding, abs=1e-5)
    assert sum(value**2 for value in plain.data[0].embedding) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        (["休" * 503], None),
        (["休" * 504], "input.0"),
        (["休暇", "休" * 504], "input.1"),
        (["休" * 32_768, "休暇"], "input.0"),
    ],
    ids=["fits", "one too many", "second", "very long"],
)
def test_a_text_longer_than_the_model_reads_is_refused(
    models: Models, platform_client: ModelServer, texts: list[str], place: str | None
) -> None:
    """512 tokens, of which `passage: ` takes nine."""
    if place is None:
        _vectors, tokens = platform_client.embed(models.embedding, texts)
        assert tokens == 512
        return
    with pytest.raises(ContextTooLong) as refused:
        platform_client.embed(models.embedding, texts)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", place)
    assert "512" in refused.value.message


def test_search_names_the_place_and_respects_the_askers_groups(
    platform_client: ModelServer, models: Models
) -> None:
    hit, *_ = platform_client.search(searchable(models.index), "宿泊費はいくらか", limit=1)
    assert hit.text.startswith("第2条（旅費）")
    assert (hit.source.document_id, hit.source.kind, hit.source.number) == ("d1", "page", 1)
    assert platform_client.search(SearchIndex(models.index, ("another",)), "宿泊費") == []
    removed = SearchIndex(models.index, ("everyone",), excluded_document_ids=("d1",))
    assert platform_client.search(removed, "宿泊費") == []


def test_the_request_says_how_personal_data_leave_the_index(
    platform_client: ModelServer, models: Models
) -> None:
    shown = {}
    for mode in ("raw", "masked"):
        index = SearchIndex(models.index, ("everyone",), personal_data=mode)
        hit, *_ = platform_client.search(index, "当番の090-1234-5678", limit=1)
        shown[mode] = hit.text.partition("\n")[2]
        assert hit.personal_data == mode
    assert shown == {"raw": "当番は090-1234-5678とする。", "masked": "当番は〔電話番号〕とする。"}


async def test_platform_client_answers_sync_and_async(platform_client: ModelServer, models: Models) -> None:
    body = chat_body(models)
    whole = platform_client.chat(body)["choices"][0]["message"]["content"]
    assert (await platform_client.chat_async(body))["choices"][0]["message"]["content"] == whole
    parts = [
        chunk["choices"][0]["delta"].get("content", "") async for chunk in platform_client.chat_stream(body)
    ]
    assert "".join(parts) == whole
    found = await platform_client.search_async(searchable(models.index), "休暇")
    assert [hit.chunk_id for hit in found] == [
        hit.chunk_id for hit in platform_client.search(searchable(models.index), "休暇")
    ]
    vectors, tokens = platform_client.embed(models.embedding, ["休暇"], role="query")
    assert (len(vectors), len(vectors[0])) == (1, 16) and tokens > 0


def test_health_lists_what_is_loaded(platform_client: ModelServer, models: Models) -> None:
    platform_client.chat(chat_body(models, **choice(models, models.red)))
    platform_client.search(searchable(models.index), "休暇")
    loaded = platform_client.health().loaded
    assert str(models.base) in loaded["base_models"] and str(models.red) in loaded["adapters"]
    assert loaded["indexes"] == [str(models.index)]
    assert loaded["embedding_models"] == [str(models.embedding)]


def test_a_stop_string_ends_the_answer(client: openai.OpenAI, models: Models) -> None:
    def answer(**fields: Any) -> Any:
        return client.chat.completions.create(
            model="m", messages=QUESTION, max_tokens=30, temperature=0, extra_body=choice(models), **fields
        ).choices[0]

    whole = answer().message.content
    middle = whole[len(whole) // 2]
    stopped = answer(stop=[middle])
    assert stopped.message.content == whole[: whole.index(middle)]
    assert stopped.finish_reason == "stop"


def test_refuses_requests_without_the_token(server: str, models: Models) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.post(f"{server}/v1/search", headers=headers, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    health = httpx.get(f"{server}/health").json()
    assert (health["status"], health["loaded"]) == ("ok", {})


def test_folders_outside_the_roots_are_refused(
    platform_client: ModelServer, models: Models, tmp_path: Path
) -> None:
    for outside in (Path("/etc"), models.root / "..", tmp_path):
        with pytest.raises(ModelServerFailed) as error:
            platform_client.search(searchable(outside), "x")
        assert (error.value.code, error.value.param) == ("path_not_allowed", "index")


def test_damage_is_found_before_anything_is_loaded(
    platform_client: ModelServer, models: Models, damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """People are told what to do; which file it is stands in the log."""
    with pytest.raises(ModelServerFailed) as error:
        platform_client.chat(chat_body(models, **choice(models, damaged)))
    assert error.value.code == "serve.system.artifact_damaged"
    with override("en"):
        assert "Publish a release with another version" in str(error.value.message)
    assert "adapter_model.safetensors" in caplog.text


def test_refuses_folders_with_another_digest(
    platform_client: ModelServer, models: Models, tmp_path: Path
) -> None:
    """Whole in itself, but another: digests come from the platform, not from the folder."""
    other = models.root / f"other-{tmp_path.name}"
    for source, asked in (
        (models.base, {"base_model": str(other), "base_model_digest": "0" * 64}),
        (models.red, {"base_model": str(models.base), "adapter": str(other), "adapter_sha256": "0" * 64}),
    ):
        shutil.copytree(source, other)
        with pytest.raises(ModelServerFailed) as error:
            platform_client.chat(chat_body(models, kosha=asked))
        assert error.value.code == "serve.system.artifact_damaged"
        shutil.rmtree(other)
    for source, index in (
        (models.index, searchable(other, "0" * 64)),
        (models.embedding, searchable(models.index, None, other, "0" * 64)),
    ):
        shutil.copytree(source, other)
        with pytest.raises(ModelServerFailed) as error:
            platform_client.search(index, "x")
        assert error.value.code == "serve.system.artifact_damaged"
        shutil.rmtree(other)


def test_loads_folders_with_the_registered_digest(platform_client: ModelServer, models: Models) -> None:
    kosha = {
        "base_model": str(models.base),
        "base_model_digest": model_folder_digest(models.base),
        "adapter": str(models.red),
        "adapter_sha256": manifest_sha256(models.red),
    }
    assert platform_client.chat(chat_body(models, kosha=kosha))["choices"]
    embedding = (models.embedding, model_folder_digest(models.embedding))
    assert platform_client.search(searchable(models.index, manifest_sha256(models.index), *embedding), "休暇")


def test_a_model_damaged_after_it_was_unloaded_is_not_loaded_again(
    settings_for_server: ServingSettings, models: Models, tmp_path: Path
) -> None:
    folder = tmp_path / "base"
    shutil.copytree(models.base, folder)
    digest = model_folder_digest(folder)
    backend = TorchBackend(settings_for_server)
    # So small that nothing stays that is not in use.
    cache = ModelCache((tmp_path,), memory_bytes=1)

    def load() -> None:
        cache.lease("base_models", folder, lambda path: TextModel(path, backend, digest), "x").release()
        cache.lease("other", tmp_path, lambda _path: NoModel(), "x").release()

    load()
    assert "base_models" not in cache.paths()
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ServeError) as error:
        load()
    backend.close()
    assert error.value.code == "serve.system.artifact_damaged"


class NoModel:
    bytes = 1

    def close(self) -> None:
        pass


def test_a_base_model_with_a_pickle_is_refused(
    platform_client: ModelServer, models: Models, tmp_path: Path
) -> None:
    folder = models.root / f"pickled-{tmp_path.name}"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((models.base / name).read_bytes())
    (folder / "extra.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelServerFailed) as error:
        platform_client.chat(chat_body(models, kosha={"base_model": str(folder)}))
    assert error.value.code == "serve.system.artifact_damaged"


def test_a_prompt_that_does_not_fit_is_refused(platform_client: ModelServer, models: Models) -> None:
    long = [{"role": "user", "content": "長い" * 2000}]
    with pytest.raises(ContextTooLong) as error:
        platform_client.chat(chat_body(models, messages=long))
    assert (error.value.code, error.value.param) == ("context_length_exceeded", "messages")
    with pytest.raises(ContextTooLong):
        platform_client.chat(chat_body(models, max_tokens=8192))


async def test_a_stream_that_cannot_begin_raises_first(platform_client: ModelServer, models: Models) -> None:
    with pytest.raises(ContextTooLong):
        async for _ in platform_client.chat_stream(chat_body(models, max_tokens=8192)):
            pytest.fail("nothing should come")


def test_names_the_invalid_field(client: openai.OpenAI, models: Models) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(
            model="m", messages=QUESTION, extra_body={**choice(models), "temperature": 9}
        )
    assert (error.value.code, error.value.param) == ("invalid_value", "temperature")


async def test_client_reports_unreachable_server(models: Models) -> None:
    away = ModelServer("http://127.0.0.1:9", TOKEN)
    with pytest.raises(ModelServerUnavailable) as error:
        away.health()
    assert (error.value.status, error.value.code) == (503, "model_server_unavailable")
    with pytest.raises(ModelServerUnavailable):
        async for _ in away.chat_stream(chat_body(models)):
            pytest.fail("nothing should come")
