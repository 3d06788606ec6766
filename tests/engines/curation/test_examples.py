"""Examples of what a step changed: bounded, alike in two runs, without personal data."""

from __future__ import annotations

from tests.engines.conftest import read_jsonl
from tests.engines.curation.documents import pages, sentence, sheet
from workers.contract.records import CHANGED_FILE, WrittenOrigin
from workers.engines.curation.examples import LONGEST_TEXT, MOST_CHANGES, ChangeExamples
from workers.engines.curation.units import Unit

ORIGIN = WrittenOrigin(pair_id="pair_1", author_id="user_1")


def test_no_example_shows_what_the_recipe_masks(source, curated, run):
    rows = [["氏名", "備考"], ["山田太郎", f"{sentence(1)}\u3000"], ["鈴木花子", "なし"]]
    curated(
        source(
            "text", pages(f"連絡先は\u3000田中様（090-1234-5678、taro@example.com）です。\u3000{sentence(2)}")
        ),
        source("list", sheet(rows)),
    )
    written = [path.read_bytes() for path in run.output_dir.iterdir()]
    for personal in ("山田太郎", "花子", "1234-5678", "taro@example"):
        assert not any(personal.encode() in text for text in written), personal
    masked = [line for line in read_jsonl(run.output_dir / CHANGED_FILE) if line["step"] == "personal_data"]
    assert {line["origin"]["source"]["document_name"] for line in masked} == {"text", "list"}
    assert "0**-****-****" in masked[0]["before"] and "〔電話番号〕" in masked[0]["after"]
    assert "山***" in masked[1]["before"]


def test_a_sample_is_bounded_and_drawn_from_all_units():
    drawn, again = ChangeExamples("normalize"), ChangeExamples("normalize")
    for number in range(4 * MOST_CHANGES):
        for examples in (drawn, again):
            examples.offer(Unit(ORIGIN, f"{number}前"), Unit(ORIGIN, f"{number}後"))
    numbers = [int(record.before[:-1]) for record in drawn.records()]
    assert len(numbers) == MOST_CHANGES and numbers == sorted(numbers)
    assert numbers[0] < MOST_CHANGES < 3 * MOST_CHANGES < numbers[-1]
    assert drawn.records() == again.records()


def test_of_a_long_text_the_changed_part_is_shown():
    examples = ChangeExamples("normalize")
    before = "字" * 2 * LONGEST_TEXT + "前" + "文" * 2 * LONGEST_TEXT
    examples.offer(Unit(ORIGIN, before), Unit(ORIGIN, before.replace("前", "後")))
    (record,) = examples.records()
    assert record.before.replace("前", "後") == record.after != record.before
    assert len(record.before) == LONGEST_TEXT + 2
