"""Texts are cut as langchain's splitter cuts them, and every piece says where it stands."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from langchain_text_splitters import RecursiveCharacterTextSplitter

from workers.engines.retrieval.sentences import SEPARATORS, ranges

PIECES = ["規程", "第1条", "。", "、", "！", "?", "\n", "\n\n", " ", ". ", "abc", "あ" * 30, "　", "表 | 1"]


def _pieces_of_langchain(text: str, longest: int, overlap: int) -> list[str]:
    splitter = RecursiveCharacterTextSplitter(
        separators=list(SEPARATORS), keep_separator="end", chunk_size=longest, chunk_overlap=overlap
    )
    return [stripped for piece in splitter.split_text(text) if (stripped := piece.strip())]


@pytest.mark.parametrize("seed", range(8))
def test_pieces_are_those_of_langchain(seed):
    chosen = random.Random(seed)
    for _ in range(60):
        text = "".join(chosen.choices(PIECES, k=chosen.randint(0, 300)))
        longest = chosen.choice([5, 20, 64, 400])
        overlap = chosen.choice([0, 2, longest // 2])
        found = [text[start:end] for start, end in ranges(text, longest=longest, overlap=overlap)]
        assert found == _pieces_of_langchain(text, longest, overlap)


def test_of_a_text_that_repeats_itself_each_piece_stands_at_one_place():
    text = "a" * 300_000
    found = list(ranges(text, longest=400, overlap=60))
    assert found[0] == (0, 400)
    assert all(after[0] == before[1] - 60 for before, after in pairwise(found))
    assert found[-1][1] == len(text)
