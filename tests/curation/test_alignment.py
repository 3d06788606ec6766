"""Two versions of the same documents: which records are the same, which are new wordings, and that memory stays small."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from curation import alignment
from curation.alignment import align
from workers.contract.record_index import write_index

ORIGIN = {
    "document_id": "file-1",
    "revision_id": "rev-1",
    "document_name": "規程.txt",
    "kind": "page",
    "number": 1,
}


def index(folder: Path, name: str, texts: list[tuple[str, str, str]]) -> Path:
    """Of records given as (document, text, split)."""
    lines = [
        {
            "type": "text",
            "id": f"{number:016x}",
            "text": text,
            "origin": {"type": "document", "source": {**ORIGIN, "document_id": document}},
            "split": split,
        }
        for number, (document, text, split) in enumerate(texts)
    ]
    records = folder / f"{name}.jsonl"
    records.write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
    )
    write_index(records, folder / f"{name}.index")
    return folder / f"{name}.index"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("第3条 有給休暇は10日とする。", "第3条 有給休暇は12日とする。"),
        ("型番 A-100 の価格は1,200円です。", "型番 A-100 の価格は1,500円です。"),
        (
            "経費の精算は月末までに申請し、上長の承認を受ける。領収書を添付する。",
            "経費の精算は翌月5日までに申請し、上長の承認を受ける。領収書を添付する。",
        ),
        ("Submit the form to the accounting desk.", "Submit the form to the HR desk before Friday."),
    ],
)
def test_a_new_wording_is_one_changed_record(tmp_path, before, after):
    kept = ("file-1", "会社は安全な職場を保つ。", "train")
    found = align(
        index(tmp_path, "old", [kept, ("file-1", before, "train")]),
        index(tmp_path, "new", [("file-1", after, "train"), kept]),
    )
    assert (found.same, found.changed.count, found.added.count, found.removed.count) == (1, 1, 0, 0)


def test_other_texts_and_other_documents_are_no_wordings_of_one_another(tmp_path):
    old = [("file-1", "会社は安全な職場を保つ。", "train"), ("file-2", "旅費は実費とする。", "train")]
    new = [("file-1", "毎週月曜に朝礼を行います。", "train"), ("file-3", "旅費は実費で払う。", "train")]
    found = align(index(tmp_path, "old", old), index(tmp_path, "new", new))
    assert (found.same, found.changed.count, found.added.count, found.removed.count) == (0, 0, 2, 2)
    assert len(found.documents) == 3


def test_repeated_records_are_counted_and_sides_are_compared(tmp_path):
    text = ("file-1", "会社は安全な職場を保つ。", "train")
    other = ("file-1", "旅費は実費とする。", "heldout")
    found = align(
        index(tmp_path, "old", [text, text, text, other]),
        index(tmp_path, "new", [text, ("file-1", "旅費は実費とする。", "train")]),
    )
    assert (found.same, found.removed.count, found.moved.count) == (2, 2, 1)


def test_the_memory_depends_on_the_largest_document_and_not_on_the_versions(tmp_path, monkeypatch):
    monkeypatch.setattr(alignment, "MOST_LISTED", 20)
    monkeypatch.setattr(alignment, "MOST_DOCUMENTS", 20)
    monkeypatch.setattr(alignment, "PART_IN_MEMORY", 100)
    monkeypatch.setattr(alignment, "PARTS", 16)
    peaks = []
    for count in (200, 1_200):
        texts = [
            (f"file-{number // 5}", f"{number}番の旅費は{number * 7}円とする。", "train")
            for number in range(count)
        ]
        changed = [(document, text.replace("旅費", "日当"), split) for document, text, split in texts]
        old, new = index(tmp_path, f"old{count}", texts), index(tmp_path, f"new{count}", changed)
        tracemalloc.start()
        found = align(old, new)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.changed.count + found.removed.count == count
        assert len(found.changed.pairs()) == 20
    assert peaks[1] < 3 * peaks[0]


def test_what_takes_too_long_to_pair_is_counted_unpaired(tmp_path, monkeypatch):
    monkeypatch.setattr(alignment, "MOST_PAIRED", 3)
    old = index(tmp_path, "old", [("file-1", f"第{n}条 有給休暇は10日とする。", "train") for n in range(2)])
    new = index(tmp_path, "new", [("file-1", f"第{n}条 有給休暇は12日とする。", "train") for n in range(2)])
    found = align(old, new)
    assert (found.changed.count, found.added.count, found.removed.count) == (
        0,
        2,
        2,
    ) and found.left_to_pair < 0
