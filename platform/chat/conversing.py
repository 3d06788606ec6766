"""One answer in a conversation, as server-sent events. It is always stored, also when it is interrupted.

    begun     {"url", "ask", "test"}     addresses of the conversation and of its next question; whether it is a test
    status    {"text"}                   what happens before the first piece
    delta     {"text"}                   a piece of the answer
    outcome   {"note", "personal_data"}  what the reader should know of the answer and its passages; may be empty
    citations [{number, title, place, quote, url}]
    done      {"feedback"}               it is stored; the address for feedback
    error     {"message"}                it was interrupted or could not be stored; earlier pieces stay valid

The reader may leave at any moment. What the check has let through is then stored as `cancelled` with its citations,
and closing the stream to the model server stops the generation.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.access import while_allowed
from accounts.principal import Principal
from chat.answering import answer_stream, prompt
from chat.checking import CheckedAnswer
from chat.citations import citations
from chat.finding import find
from chat.models import Conversation, Message
from chat.presenting import feedback_url, reason_note, shown_citations, shown_mode
from chat.selectors import Target, message_list, require_answering, withheld
from chat.services import answer_add
from common.connections import release_connection
from common.errors import KoshaError
from common.tenancy import organization_scope
from workers.contract.prompts import PromptMessage
from workers.contract.specs.serving import ChatBody

logger = logging.getLogger(__name__)

EARLIER_MESSAGES = 6
"""Earlier messages that are sent with a question; small models have short contexts."""


def turns(conversation: Conversation, principal: Principal) -> list[PromptMessage]:
    """The newest messages, the question last; answers without text, and those that are withheld, are left out."""
    newest = list(message_list(conversation).order_by("-id")[: EARLIER_MESSAGES + 1])
    left_out = withheld(newest, principal)
    found: list[PromptMessage] = [
        {"role": message.role, "content": message.content}
        for message in reversed(newest)
        if message.content and message.id not in left_out
    ]
    # Chat templates require user and assistant in turn, beginning with the user.
    kept: list[PromptMessage] = []
    for turn in reversed(found):
        if not kept or kept[-1]["role"] != turn["role"]:
            kept.append(turn)
    kept.reverse()
    return kept[1:] if kept and kept[0]["role"] == "assistant" else kept


@dataclass
class ConversationAnswer:
    """An answer being written; `events` may be read once."""

    conversation: Conversation
    principal: Principal
    target: Target
    messages: list[PromptMessage]
    language: str
    text: str = ""
    annotations: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = ""
    reason: str = ""
    checked: CheckedAnswer | None = None
    """None where nothing is checked: without documents, or before they were searched."""
    is_concluded: bool = False
    """The whole answer has come, with its citations."""

    async def events(self) -> AsyncIterator[str]:
        try:
            with translation.override(self.language or settings.LANGUAGE_CODE):
                status = _("Searching the documents…") if self.target.index else _("Thinking…")
            # First, so that the page of a reader who stops the answer has the conversation's address.
            ask = reverse("chat:ask_again", args=[self.conversation.id])
            url = self.conversation.get_absolute_url()
            yield _event("begun", {"url": url, "ask": ask, "test": self.target.is_test})
            yield _event("status", {"text": status})
            async with aclosing(self._answer()) as lines:
                async for line in lines:
                    yield line
        except (asyncio.CancelledError, GeneratorExit):
            self.finish_reason = "cancelled"
            await self._store_shielded()
            raise
        except KoshaError as error:
            self.finish_reason = "error"
            with translation.override(self.language):
                yield _event("error", {"message": str(error.message)})
        except Exception:
            logger.exception("an answer in %s failed", self.conversation.id)
            self.finish_reason = "error"
            with translation.override(self.language):
                yield _event("error", {"message": _("The answer was interrupted. Ask again.")})
        try:
            message = await self._store_shielded()
        except Exception:
            logger.exception("an answer in %s could not be stored", self.conversation.id)
            with translation.override(self.language):
                lost = _("The answer could not be saved. It is lost when you leave this page.")
            yield _event("error", {"message": lost})
            return
        yield _event("done", {"feedback": feedback_url(message)})

    @property
    def _mode(self) -> str:
        """Of the passages; empty without any."""
        return self.target.index.personal_data if self.target.index else ""

    async def _answer(self) -> AsyncGenerator[str, None]:
        found = await find(self.target, self.messages)
        self.checked = CheckedAnswer(found) if found is not None else None
        body = _body(self.target, prompt(self.target, self.messages, found))
        still = partial(require_answering, self.target.name, self.principal)
        answering = answer_stream(self.target, body, found, self.checked)
        stream = while_allowed(self.principal, answering, still)
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                for piece in self._pieces(chunk):
                    yield _event("delta", {"text": piece})
        with translation.override(self.language):
            shown, note = shown_citations(self.annotations), reason_note(self.reason)
        mode = shown_mode(self._mode, self.annotations)
        yield _event("outcome", {"note": str(note), "personal_data": mode})
        yield _event("citations", shown)

    def _pieces(self, chunk: dict[str, Any]) -> Iterator[str]:
        """The text of a chunk; what it says about the whole answer is kept."""
        for choice in chunk["choices"]:
            if piece := choice["delta"].get("content"):
                self.text += piece
                yield piece
            if choice.get("finish_reason"):
                self.is_concluded = True
                self.finish_reason = choice["finish_reason"]
                self.annotations = choice["delta"].get("annotations") or []
                self.reason = (choice["delta"].get("kosha") or {}).get("reason") or ""

    async def _store_shielded(self) -> Message:
        """Shielded, because this task is cancelled when the reader leaves and the row must still be written."""
        return await asyncio.shield(asyncio.ensure_future(sync_to_async(self._store)()))

    def _keep_what_was_let_through(self) -> None:
        """Of an answer that was interrupted. What is said instead of an answer is none without its conclusion."""
        if self.checked is None or self.is_concluded:
            return
        # The check may be ahead of what was sent.
        self.text = self.text if self.checked.text.startswith(self.text) else ""
        if self.text.strip():
            self.annotations = citations(self.text, self.checked.found.passages, self.checked.found.pages)

    def _store(self) -> Message:
        self._keep_what_was_let_through()
        try:
            with organization_scope(self.conversation.organization_id):
                return answer_add(
                    conversation=self.conversation,
                    text=self.text,
                    annotations=self.annotations,
                    release=self.target.release,
                    finish_reason=self.finish_reason or "stop",
                    is_test=self.target.is_test,
                    reason=self.reason,
                    personal_data=self._mode,
                )
        finally:
            release_connection()


def _body(target: Target, messages: list[PromptMessage]) -> ChatBody:
    return ChatBody.model_validate(
        {
            "model": target.name,
            "messages": messages,
            "kosha": target.weights,
            "max_tokens": target.generation.max_tokens,
            "temperature": target.generation.temperature,
            "top_p": target.generation.top_p,
        }
    )


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
