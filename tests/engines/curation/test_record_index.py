"""The index of a version's records: sorted, in bounded memory, and alike for texts that are alike."""

from __future__ import annotations

import json
import tracemalloc

from tests.engines.curation.documents import pages, sentence
from workers.contract import record_index
from workers.contract.record_index import INDEX_FILE, ROW_BYTES, content_of, read_index, row_of, write_index
from workers.contract.records import RECORDS_FILE


def test_each_record_of_a_version_has_a_row_that_leads_to_its_line(source, curated, run):
    curated(
        source("a", pages(f"第1条 {sentence(1)}\n第2条 {sentence(2)}\n質問: 日当は？\n回答: 三千円とする。"))
    )
    rows = [row_of(packed) for packed in read_index(run.output_dir / INDEX_FILE)]
    content = (run.output_dir / RECORDS_FILE).read_bytes()
    found = {json.loads(content[row.offset :].splitlines()[0])["id"] for row in rows}
    assert found == {json.loads(line)["id"] for line in content.splitlines()} and len(found) == len(rows) > 1
    assert rows == sorted(rows) and len({row.document for row in rows}) == 1


def test_the_memory_does_not_grow_with_the_records(tmp_path, monkeypatch):
    monkeypatch.setattr(record_index, "_SORTED_AT_ONCE", 200)
    monkeypatch.setattr(record_index, "_READ_AT_ONCE", 8)
    peaks = []
    for count in (400, 1_600):
        records, index = tmp_path / f"{count}.jsonl", tmp_path / f"{count}.index"
        records.write_text("".join(_line(number) for number in range(count)), encoding="utf-8")
        tracemalloc.start()
        write_index(records, index)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        rows = list(read_index(index))
        assert rows == sorted(rows) and len(set(rows)) == count == index.stat().st_size / ROW_BYTES
    assert peaks[1] < 1.5 * peaks[0]


def _line(number: int) -> str:
    origin = {"type": "written", "pair_id": f"pair_{number}", "author_id": "user_1"}
    record = {
        "type": "pair",
        "question": f"{number}は？",
        "answer": "はい",
        "origin": origin,
        "split": "train",
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


def test_what_a_record_says_is_all_that_it_says():
    pair = {"type": "pair", "question": "何日？", "answer": "10日", "accepted": ["十日"], "context": "第1条"}
    talk = {"type": "messages", "messages": [{"role": "user", "content": "何日？"}]}
    assert [content_of(record) for record in (pair, talk)] == ["何日？\n10日\n十日", "user: 何日？"]
