"""Find the passages to answer from, or decide that the documents do not answer a question."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from chat.selectors import Target
from common.errors import InvalidRequest
from common.model_server import model_server
from documents.locating import Pages, pages_of
from retrieval.search import MAXIMUM_QUERY
from workers.contract.personal_data import PersonalDataMode
from workers.contract.prompts import PromptMessage
from workers.contract.specs.serving import ANSWERABLE_SCORE, SearchHit
from workers.contract.stated_facts import are_alike, codes

_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+", re.ASCII)
SEARCHED = 20
"""Passages among which those are sought that hold the codes of a question."""

Reason = Literal["not_found", "not_stated", "unsupported", "no_answer", "rest_withheld"]
"""Why an answer is none, or not the whole of what the model wrote.

`not_found`: no passage is near enough. `not_stated`: the model wrote that the passages do not say it.
`unsupported`: it stated numbers or codes that are not in its passage. `no_answer`: it wrote nothing that answers.
`rest_withheld`: the answer was given up to what was unsupported.
"""


@dataclass(frozen=True)
class Found:
    question: str
    passages: list[SearchHit]
    """To answer from; with a `reason`, the nearest ones."""
    reason: Reason | None = None
    personal_data: PersonalDataMode = "masked"
    """How the text of the passages is, and so the answer's."""
    pages: Pages = field(default_factory=dict)
    """That the passages stand on."""


async def find(target: Target, messages: list[PromptMessage]) -> Found | None:
    """For the last question, if need be together with the one before, which it may refer to.

    None: the target answers without documents. Raises InvalidRequest `last_message_not_user`, `empty_message`.
    """
    question = _question(messages)
    if target.index is None:
        return None
    found = await _find_for(target, question, messages)
    # Read before the answer is written, so that citing it reads no file.
    if not target.organization_id:
        return found
    pages = await asyncio.to_thread(pages_of, target.organization_id, found.passages)
    return replace(found, pages=pages)


async def _find_for(target: Target, question: str, messages: list[PromptMessage]) -> Found:
    found = await _find(target, question)
    earlier = [message["content"] for message in messages[:-1] if message["role"] == "user"]
    if found.reason and earlier:
        again = await _find(target, f"{earlier[-1]}\n{question}")
        if not again.reason:
            return replace(again, question=question)
    return found


async def _find(target: Target, question: str) -> Found:
    assert target.index is not None
    found = partial(Found, question, personal_data=target.index.personal_data)
    limit = target.generation.passages
    hits = await model_server().search_async(
        target.index, question[:MAXIMUM_QUERY], limit=max(SEARCHED, limit)
    )
    # A passage about E06 must not answer for E09, however alike the two questions are.
    # Masked passages do not show the addresses that they were found by.
    is_raw = target.index.personal_data == "raw" and not target.index.masked_document_ids
    asked = codes(question if is_raw else _ADDRESS.sub(" ", question))
    if asked:
        about = _about(asked, hits)
        if not about:
            return found(hits[:limit], "not_found")
        hits = about
    if not hits or max(hit.score for hit in hits) < ANSWERABLE_SCORE:
        return found(hits[:limit], "not_found")
    return found(hits[:limit])


def _about(asked: frozenset[str], hits: list[SearchHit]) -> list[SearchHit]:
    """The passages about the codes of a question, those with its rarest codes first; none if a code is in none of them.

    The manual of KCN-5 has many passages, and one of them has E09: the others say nothing about E09 of KCN-5.
    """
    held = [
        asked & codes(f"{hit.source.document_name}\n{hit.source.label or ''}\n{hit.text}") for hit in hits
    ]
    if asked - frozenset[str]().union(*held):
        return []
    rarity = {code: 1 / sum(code in codes_held for codes_held in held) for code in asked}
    about = [
        (sum(rarity[code] for code in own), hit)
        for own, hit in zip(held, hits, strict=True)
        if own and not any(_says_more(other, own) for other in held)
    ]
    return [hit for _, hit in sorted(about, key=lambda item: item[0], reverse=True)]


def _says_more(other: frozenset[str], own: frozenset[str]) -> bool:
    """Whether a passage has the codes of another and further ones of another kind. Of KP-220 and KP-300, which are of one
    kind, a question asks for both, so what has only one of them counts as well.
    """
    more = other - own
    return other > own and not any(are_alike(code, known) for code in more for known in own)


def _question(messages: list[PromptMessage]) -> str:
    last = messages[-1]
    if last["role"] != "user":
        raise InvalidRequest(
            "last_message_not_user", "The last message must be the user's question.", param="messages"
        )
    if not last["content"].strip():
        raise InvalidRequest(
            "empty_message",
            "The last message is empty. Write the question into its content.",
            param=f"messages.{len(messages) - 1}.content",
        )
    return last["content"]
