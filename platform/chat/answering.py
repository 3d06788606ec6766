"""Answer a conversation: find passages, build the prompt, generate, cite.

No function here uses the database, so an answer that takes a minute holds no connection.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from chat.citations import citations
from chat.selectors import Target
from common.errors import InvalidRequest
from common.model_server import model_server
from retrieval.search import MAXIMUM_QUERY
from workers.contract.prompts import PromptMessage, open_book_messages
from workers.contract.specs.serving import ChatBody, SearchHit


async def passages_for(target: Target, messages: list[PromptMessage]) -> list[SearchHit]:
    """The passages of the release's index for the last question; none for a plain model."""
    if target.index is None:
        return []
    return await model_server().search_async(
        target.index, _question(messages)[:MAXIMUM_QUERY], limit=target.generation.passages
    )


def prompt(target: Target, messages: list[PromptMessage], passages: list[SearchHit]) -> list[PromptMessage]:
    """The release's system prompt, then the conversation, its last question asked with the passages."""
    own = [target.system_prompt] if target.system_prompt else []
    system = "\n\n".join([*own, *(m["content"] for m in messages if m["role"] == "system")])
    turns = [message for message in messages if message["role"] != "system"]
    last = (
        open_book_messages(turns[-1]["content"], [p.text for p in passages]) if target.index else turns[-1:]
    )
    return [*([{"role": "system", "content": system}] if system else []), *turns[:-1], *last]


def _question(messages: list[PromptMessage]) -> str:
    last = messages[-1]
    if last["role"] != "user" or not last["content"].strip():
        raise InvalidRequest(
            "last_message_not_user", "The last message must be the user's question.", param="messages"
        )
    return last["content"]


def _naming(target: Target) -> dict[str, Any]:
    """What an answer says of the model; `kosha.test` is there only if no approved release contains the model."""
    return {"model": target.name} | ({"kosha": {"test": True}} if target.is_test else {})


async def answer(target: Target, body: ChatBody, passages: list[SearchHit]) -> dict[str, Any]:
    """OpenAI's `chat.completion` with `message.annotations`."""
    completion = await model_server().chat_async(body)
    completion |= _naming(target)
    message = completion["choices"][0]["message"]
    message["annotations"] = citations(message["content"] or "", passages)
    return completion


async def answer_stream(
    target: Target, body: ChatBody, passages: list[SearchHit]
) -> AsyncGenerator[dict[str, Any], None]:
    """OpenAI's chunks; the annotations are in the delta with the finish reason."""
    text: list[str] = []
    # Closed as soon as the reader leaves, which stops the generation on the model server.
    async with aclosing(model_server().chat_stream(body)) as chunks:
        async for chunk in chunks:
            chunk |= _naming(target)
            for choice in chunk["choices"]:
                text.append(choice["delta"].get("content") or "")
                if choice.get("finish_reason"):
                    choice["delta"]["annotations"] = citations("".join(text), passages)
            yield chunk
