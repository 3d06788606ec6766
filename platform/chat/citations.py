"""Which passages support an answer, and the best supporting sentence of each.

A small model does not cite reliably, so support is measured without a model: the share of an answer's
character bigrams that a passage's best sentence contains.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from chat.table_rows import quote_of_row
from documents.locating import NO_PAGES, Pages, locate
from workers.contract.specs.serving import SearchHit

SUPPORT = 0.3
"""Least share of the shorter side's bigrams in common for a passage to count as support."""
SHORTEST_SENTENCE = 6
"""Sentences with fewer bigrams count as if they had this many."""
MAXIMUM_QUOTE = 200

_SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?]?")
_IGNORED = re.compile(r"[\W_]+")


def citations(answer: str, hits: Sequence[SearchHit], pages: Pages = NO_PAGES) -> list[dict[str, Any]]:
    """`message.annotations` for an answer given from `hits` (best first), which stand on `pages`.

    Passages that support the answer are cited, the best support first. Where no passage does, the first
    one is cited with its low `support`, so that the reader can look there.
    """
    scored = sorted(
        ((*best_sentence(answer, hit.text), hit) for hit in hits), key=lambda item: item[0], reverse=True
    )
    supporting = [item for item in scored if item[0] >= SUPPORT] or scored[:1]
    return [
        _annotation(number, support, quote, hit, pages)
        for number, (support, quote, hit) in enumerate(supporting, 1)
    ]


def nearest(question: str, hits: Sequence[SearchHit], pages: Pages = NO_PAGES) -> list[dict[str, Any]]:
    """`message.annotations` where there is no answer: every passage, none of which supports anything."""
    return [
        _annotation(number, 0.0, best_sentence(question, hit.text)[1], hit, pages)
        for number, hit in enumerate(hits, 1)
    ]


def _annotation(number: int, support: float, quote: str, hit: SearchHit, pages: Pages) -> dict[str, Any]:
    source = hit.source
    if source.cells is not None:
        # A value says nothing without the key of its row.
        quote = quote_of_row(hit.text, quote)
    quote = quote[:MAXIMUM_QUOTE]
    place = locate(hit, pages, quote)
    return {
        "type": "file_citation",
        "file_citation": {
            "index": number,
            "file_id": source.document_id,
            "filename": source.document_name,
            "revision": source.revision_id,
            "kind": source.kind,
            "page": source.number,
            "label": source.label,
            "cells": source.cells,
            "table": place.table,
            "start": place.start if place.end else None,
            "end": place.end or None,
            "quote": quote,
            "personal_data": hit.personal_data,
            "has_personal_data": hit.has_personal_data,
            "score": round(hit.score, 4),
            "support": round(support, 4),
        },
    }


def best_sentence(answer: str, passage: str) -> tuple[float, str]:
    sentences = [found.group().strip() for found in _SENTENCE.finditer(passage)]
    # A question is no statement, so it supports no answer, also where the answer repeats it.
    sentences = [sentence for sentence in sentences if sentence and sentence[-1] not in "?？"]
    answered = _bigrams(answer)
    scored: list[tuple[float, str]] = []
    for sentence in sentences:
        stated = _bigrams(sentence)
        # A sentence of a single word is found in every answer, so a short one counts as if it were longer.
        smaller = min(len(answered), max(len(stated), SHORTEST_SENTENCE))
        scored.append((len(answered & stated) / smaller if smaller else 0.0, sentence))
    return max(scored, default=(0.0, passage.strip()))


def _bigrams(text: str) -> frozenset[str]:
    letters = _IGNORED.sub("", unicodedata.normalize("NFKC", text)).lower()
    return frozenset(letters[at : at + 2] for at in range(len(letters) - 1)) or frozenset(letters)
