"""OpenAI's objects for chat completions and embeddings."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

from workers.contract.specs.serving import ChatBody, EmbeddingsBody
from workers.engines.serving.stream_events import Done

DONE = "data: [DONE]\n\n"
KEEP_ALIVE = ": keep-alive\n\n"
"""A comment, which readers of server-sent events skip."""


class Completion:
    """Writes one answer, whole or in chunks, under one id."""

    def __init__(self, body: ChatBody) -> None:
        self._common = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": body.model,
        }
        self._chunk_fields = {**self._common, "object": "chat.completion.chunk"}
        self._with_usage = bool(body.stream_options and body.stream_options.include_usage)

    def whole(self, text: str, done: Done) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": done.finish_reason}
        return {**self._common, "object": "chat.completion", "choices": [choice], "usage": usage(done)}

    def chunk(self, finish_reason: str | None = None, **delta: str) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        fields = {**self._chunk_fields, "choices": [choice]}
        return event({**fields, "usage": None} if self._with_usage else fields)

    def closing(self, done: Done) -> str:
        """The last chunks: why it ended, what it took where that was asked for, and `[DONE]`."""
        text = self.chunk(done.finish_reason)
        if self._with_usage:
            text += event({**self._chunk_fields, "choices": [], "usage": usage(done)})
        return text + DONE


def usage(done: Done) -> dict[str, int]:
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": done.prompt_tokens + done.completion_tokens,
    }


def event(value: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def embeddings(body: EmbeddingsBody, vectors: Any, tokens: int) -> dict[str, Any]:
    """`vectors`: (texts, dimensions) of float32."""
    data = []
    for number, vector in enumerate(vectors):
        if body.encoding_format == "base64":
            encoded = base64.b64encode(vector.astype("<f4").tobytes()).decode()
        else:
            encoded = vector.tolist()
        data.append({"object": "embedding", "index": number, "embedding": encoded})
    return {
        "object": "list",
        "data": data,
        "model": body.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
