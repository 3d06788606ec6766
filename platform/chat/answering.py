"""Answer a conversation: find passages, build the prompt, generate, check, cite.

No function here uses the database, so an answer that takes a minute holds no connection.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from chat.checking import CheckedAnswer
from chat.citations import citations, nearest
from chat.finding import Found, Reason
from chat.selectors import Target
from common.model_server import model_server
from workers.contract.prompts import PromptMessage, open_book_messages
from workers.contract.specs.serving import ChatBody

_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def prompt(target: Target, messages: list[PromptMessage], found: Found | None) -> list[PromptMessage]:
    """The release's system prompt, then the conversation, its last question asked with the passages."""
    own = [target.system_prompt] if target.system_prompt else []
    system = "\n\n".join([*own, *(m["content"] for m in messages if m["role"] == "system")])
    turns = [message for message in messages if message["role"] != "system"]
    last = turns[-1:]
    if found is not None:
        last = open_book_messages(turns[-1]["content"], [passage.text for passage in found.passages])
    return [*([{"role": "system", "content": system}] if system else []), *turns[:-1], *last]


def _naming(target: Target) -> dict[str, Any]:
    """What an answer says of the model; `kosha.test` is there only if no deployment serves it."""
    return {"model": target.name} | ({"kosha": {"test": True}} if target.is_test else {})


async def answer(target: Target, body: ChatBody, found: Found | None) -> dict[str, Any]:
    """OpenAI's `chat.completion` with `message.annotations` and `message.kosha`."""
    if found is not None and found.reason:
        text, extras = _unanswered(found, found.reason)
        message = {"role": "assistant", "content": text, "refusal": None, **extras}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**_common(target, "chat.completion"), "choices": [choice], "usage": NO_USAGE}
    completion = await model_server().chat_async(body)
    completion |= _naming(target)
    choice = completion["choices"][0]
    message = choice["message"]
    if found is None:
        message["annotations"] = []
        return completion
    checked = CheckedAnswer(found)
    checked.push(message["content"] or "")
    checked.finish()
    message["content"], extras = _concluded(found, checked)
    message.update(extras)
    if checked.is_ended:
        choice["finish_reason"] = "stop"
    return completion


async def answer_stream(
    target: Target, body: ChatBody, found: Found | None, checked: CheckedAnswer | None = None
) -> AsyncGenerator[dict[str, Any], None]:
    """OpenAI's chunks; `annotations` and `kosha` are in the delta with the finish reason.

    A caller that gives the empty `checked` of `found` has there what was let through when it stops reading.
    """
    if found is not None and found.reason:
        for chunk in _unanswered_chunks(target, body, found, found.reason):
            yield chunk
        return
    if checked is None and found is not None:
        checked = CheckedAnswer(found)
    # Closed as soon as the reader leaves, which stops the generation on the model server.
    async with aclosing(model_server().chat_stream(body)) as chunks:
        async for chunk in chunks:
            chunk |= _naming(target)
            if checked is None:
                for choice in chunk["choices"]:
                    if choice.get("finish_reason"):
                        choice["delta"]["annotations"] = []
                yield chunk
                continue
            was_ended = checked.is_ended
            for passed in _checked(chunk, checked):
                yield passed
            # Only the tokens that were used are still of interest.
            if checked.is_ended and not was_ended and not _wants_usage(body):
                return


def _checked(chunk: dict[str, Any], checked: CheckedAnswer) -> list[dict[str, Any]]:
    """The chunk with what of its text is let through; the last one with the conclusion."""
    if not chunk["choices"]:
        return [chunk]
    if checked.is_ended:
        return []
    choice = chunk["choices"][0]
    delta, reason = choice["delta"], choice.get("finish_reason")
    text = checked.push(delta.get("content") or "")
    if reason and not checked.is_ended:
        text += checked.finish()
    if not (reason or checked.is_ended):
        has_more = text or delta.get("role")
        return [_with_choice(chunk, {**delta, "content": text}, None)] if has_more else []
    whole, extras = _concluded(checked.found, checked)
    text += whole[len(checked.text) :] if checked.is_answered else whole
    pieces = [_with_choice(chunk, {"content": text}, None)] if text else []
    return [*pieces, _with_choice(chunk, extras, "stop" if checked.is_ended else reason)]


def _with_choice(chunk: dict[str, Any], delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return {**chunk, "choices": [choice]}


def _unanswered_chunks(target: Target, body: ChatBody, found: Found, reason: Reason) -> list[dict[str, Any]]:
    text, extras = _unanswered(found, reason)
    common: dict[str, Any] = {**_common(target, "chat.completion.chunk")}
    if _wants_usage(body):
        common["usage"] = None
    chunks = [
        _with_choice(common, {"role": "assistant", "content": text}, None),
        _with_choice(common, extras, "stop"),
    ]
    return [*chunks, {**common, "choices": [], "usage": NO_USAGE}] if _wants_usage(body) else chunks


def _wants_usage(body: ChatBody) -> bool:
    return body.stream_options is not None and body.stream_options.include_usage


def _common(target: Target, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
    } | _naming(target)


def _concluded(found: Found, checked: CheckedAnswer) -> tuple[str, dict[str, Any]]:
    """The whole answer, and `annotations` and `kosha`."""
    if not checked.is_answered:
        assert checked.reason is not None
        return _unanswered(found, checked.reason)
    kosha = _kosha(found, answered=True, reason=checked.reason)
    return checked.text, {"annotations": citations(checked.text, found.passages, found.pages), "kosha": kosha}


def _kosha(found: Found, *, answered: bool, reason: Reason | None) -> dict[str, Any]:
    return {"answered": answered, "reason": reason, "personal_data": found.personal_data}


def _unanswered(found: Found, reason: Reason) -> tuple[str, dict[str, Any]]:
    """In the asker's language, what is said instead of an answer; the nearest passages are the annotations."""
    with translation.override("ja" if _JAPANESE.search(found.question) else "en"):
        text = {
            "unsupported": _("No answer could be confirmed by the documents, so none is given."),
            "no_answer": _("No answer could be confirmed by the documents, so none is given."),
        }.get(reason, _("The documents do not seem to answer this."))
        if found.passages:
            separator = "" if translation.get_language() == "ja" else " "
            text += separator + _("The nearest passages are listed below.")
    extras = {"annotations": nearest(found.question, found.passages, found.pages)}
    return text, {**extras, "kosha": _kosha(found, answered=False, reason=reason)}
