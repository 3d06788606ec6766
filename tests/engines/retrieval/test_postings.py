from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from workers.engines.shared.bm25 import K1, B
from workers.engines.shared.index.postings import Postings, terms_of, write_postings

TEXTS = ["有給休暇は年10日です。", "出張の宿泊費は1万円まで。", "休暇の申請は上長へ。休暇は半日も可。", ""]


def plain_scores(query: str, texts: list[str]) -> list[float]:
    """The formula written out over dictionaries."""

    def grams(text: str) -> list[str]:
        return list(text) + [text[i : i + 2] for i in range(len(text) - 1)]

    documents = [Counter(grams(text)) for text in texts]
    lengths = [sum(document.values()) for document in documents]
    mean = sum(lengths) / len(lengths)
    scores = [0.0] * len(texts)
    for term in set(grams(query)):
        frequency = sum(term in document for document in documents)
        idf = math.log(1 + (len(texts) - frequency + 0.5) / (frequency + 0.5))
        for number, document in enumerate(documents):
            count = document[term]
            scores[number] += idf * count * (K1 + 1) / (count + K1 * (1 - B + B * lengths[number] / mean))
    return scores


def test_scores_follow_the_formula(tmp_path: Path) -> None:
    write_postings(tmp_path, TEXTS)
    index = Postings(tmp_path, len(TEXTS))
    for query in ("休暇の申請", "宿泊費はいくら", "無関係XYZ", "は"):
        assert index.scores(query) == pytest.approx(plain_scores(query, TEXTS), rel=1e-5)


def test_width_and_case_do_not_matter(tmp_path: Path) -> None:
    write_postings(tmp_path, ["ＶＰＮの設定", "無線ＬＡＮ"])
    assert np.argmax(Postings(tmp_path, 2).scores("vpn")) == 0
    assert terms_of("ｱA 1").tolist() == terms_of("アa1").tolist()


def test_an_empty_question_scores_nothing(tmp_path: Path) -> None:
    write_postings(tmp_path, TEXTS)
    assert not Postings(tmp_path, len(TEXTS)).scores(" ").any()


def test_coverage_is_the_share_of_the_questions_rare_words(tmp_path: Path) -> None:
    write_postings(tmp_path, TEXTS)
    index, all_texts = Postings(tmp_path, len(TEXTS)), np.arange(len(TEXTS))
    assert index.coverage("宿泊費は?", all_texts).tolist() == [0, 1, 0, 0]
    assert index.coverage("休暇はいつですか", np.array([2, 1])).tolist() == [1, 0]
    some = index.coverage("休暇の重力", all_texts)
    assert 0 < some[0] < 0.5 and some[1] == some[3] == 0
    assert index.coverage("です", all_texts)[0] == pytest.approx(1)
    assert not index.coverage(" ", all_texts).any()
