"""How sure a search is of a passage: one number from 0 to 1 that means the same for every question and index.

It is the mean of two shares: how far the cosine lies between that of unrelated texts, which differs from model to
model, and 1; and how much of the question's words the passage holds, weighted by how rare they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

DENSE_WEIGHT = 0.5
UNRELATED = (
    "会議室の予約は総務へ連絡する。",
    "The cat sleeps on the sofa.",
    "ポンプの軸受を交換する。",
    "今年の売上は前年を上回った。",
    "Bake the bread for thirty minutes.",
    "図書館は月曜日に休みです。",
    "雨の日は傘を持って出かける。",
    "The train leaves from platform nine.",
    "契約書の保存期間は十年とする。",
    "彼女は毎朝公園を走る。",
    "Turn off the power before opening the cover.",
    "薬は食後に飲んでください。",
)
"""Sentences of which none is about another."""


class Embedder(Protocol):
    def embed(self, texts: Sequence[str], role: Literal["query", "passage"]) -> NDArray[np.float32]: ...


def unrelated_cosine(embedder: Embedder) -> float:
    """The mean cosine that a model gives to a question and a passage that have nothing to do with each other."""
    cosines = embedder.embed(UNRELATED, "query") @ embedder.embed(UNRELATED, "passage").T
    return float(cosines[~np.eye(len(UNRELATED), dtype=bool)].mean())


def confidence(
    cosines: NDArray[np.float32], coverage: NDArray[np.float32], unrelated: float
) -> NDArray[np.float32]:
    # A model that gives nearly 1 to everything, as a random one may, says nothing.
    nearness = np.clip((cosines - unrelated) / max(1 - unrelated, 1e-3), 0, 1)
    return np.asarray(DENSE_WEIGHT * nearness + (1 - DENSE_WEIGHT) * coverage, dtype=np.float32)
