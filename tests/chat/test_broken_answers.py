"""Answers that are interrupted because the model server dies or the reader leaves, with the stock client."""

from __future__ import annotations

import contextlib
import socket
import threading

import httpx
import openai
import pytest

from tests.model_server_double import ModelServerDouble

pytestmark = pytest.mark.slow

QUESTION = [{"role": "user", "content": "有給休暇は何日ですか"}]


@pytest.fixture
def client(web, live_world, model_server):
    live_world.base_model()
    with openai.OpenAI(base_url=f"{web}/v1", api_key=live_world.key(), max_retries=0) as client:
        yield client


def test_an_interrupted_stream_raises_in_the_stock_client(client, model_server: ModelServerDouble):
    model_server.breaks_after = 2
    pieces = []
    with pytest.raises(openai.APIError) as broken:
        for chunk in client.chat.completions.create(model="gemma", messages=QUESTION, stream=True):
            pieces.append(chunk.choices[0].delta.content)
    assert "".join(piece or "" for piece in pieces) == "有給休暇は"
    assert broken.value.code == "model_server_unavailable"


def test_an_absent_model_server_is_reported_at_once(client, settings):
    settings.MODEL_SERVER_URL = "http://127.0.0.1:9"
    for stream in (True, False):
        with pytest.raises(openai.InternalServerError) as refused:
            client.chat.completions.create(model="gemma", messages=QUESTION, stream=stream)
        assert (refused.value.status_code, refused.value.code) == (503, "model_server_unavailable")
        assert refused.value.response.headers["Retry-After"] == "5"


@pytest.mark.parametrize("stream", [True, False])
def test_the_connection_to_the_model_server_closes_when_the_reader_leaves(
    client, web, live_world, settings, stream
):
    """Also before the first word, while the web process waits for the model server."""
    asked, left = threading.Event(), threading.Event()

    def listen(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            asked.set()
            connection.settimeout(10)
            with contextlib.suppress(OSError):
                while connection.recv(65536):
                    pass
                left.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.MODEL_SERVER_URL = f"http://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=listen, args=(listener,), daemon=True).start()
        headers = {"Authorization": f"Bearer {live_world.key()}"}
        body = {"model": "gemma", "messages": QUESTION, "stream": stream}

        def ask() -> None:
            with contextlib.suppress(httpx.HTTPError):
                httpx.post(f"{web}/v1/chat/completions", json=body, headers=headers, timeout=1)

        asking = threading.Thread(target=ask)
        asking.start()
        assert asked.wait(10)
        asking.join(10)
        assert left.wait(8), "the web still waits for the answer"
