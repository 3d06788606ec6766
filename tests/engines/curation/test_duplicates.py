"""What repeats what is written down, and what is remembered of a text is small."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from tests.engines.curation.documents import pages, sentence
from workers.contract.records import DuplicateGroup
from workers.engines.curation.digest_map import DigestMap
from workers.engines.curation.similarity import Signatures, similar_pairs


def test_groups_say_what_stays_and_why(source, run, curated):
    long = "".join(sentence(seed) for seed in range(6))
    near = long.replace("。", "、", 1)
    _, records, dropped = curated(
        source(
            "new", pages(f"第1条 {long}\n第2条 {sentence(9)}{sentence(8)}\n第2条 {sentence(9)}{sentence(8)}")
        ),
        source("old", pages(f"第1条 {near}")),
        source("older", pages(f"第1条 {long}")),
    )
    lines = (run.output_dir / "duplicates.jsonl").read_text(encoding="utf-8").splitlines()
    first, second = map(DuplicateGroup.model_validate_json, lines)
    assert [(first.repetitions, first.kept_because), (second.repetitions, second.kept_because)] == [
        (2, "newest_document"),
        (1, "first_in_document"),
    ]
    assert {first.record_id, second.record_id} == {record["id"] for record in records}
    assert [(each.reason, each.origin.source.document_name) for each in first.shown] == [
        ("near_duplicate", "old"),
        ("exact_duplicate", "older"),
    ]
    assert len(dropped) == first.repetitions + second.repetitions
    manifest = json.loads((run.output_dir / "manifest.json").read_text(encoding="utf-8"))
    assert "duplicates.jsonl" in json.dumps(manifest)


def test_digests_keep_the_first_number():
    numbers = DigestMap()
    digests = [hashlib.sha256(str(number).encode()).digest() for number in range(20_000)]
    assert [numbers.setdefault(digest, number) for number, digest in enumerate(digests)] == [None] * 20_000
    assert [numbers.setdefault(digest, 0) for digest in digests] == list(range(20_000))
    assert len(numbers) == 20_000


def test_similar_texts_are_paired_and_others_are_not():
    signatures = Signatures(5, 256)
    families = [["".join(sentence(10 * n + part) for part in range(6)) for _ in range(2)] for n in range(600)]
    for one, other in families:
        signatures.add(one)
        signatures.add(other.replace(other[:24], sentence(one.count("山") + 9_000)[:24]))
    pairs = set(similar_pairs(signatures.matrix(), 0.5, np.arange(len(signatures))))
    joined = {tuple(sorted(pair)) for pair in pairs}
    assert {(2 * number, 2 * number + 1) for number in range(600)} <= joined
    assert all(abs(one - other) <= 12 for one, other in joined)
