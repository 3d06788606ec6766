"""The curation pipeline on small made-up documents: every step, the split, and equal bytes twice."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.engines.processing.conftest import read_jsonl
from workers.contract.artifacts import verify_manifest, write_manifest
from workers.contract.records import MessagesRecord, Page, Source, Table
from workers.contract.specs.curation import (
    DEFAULT_RECIPE,
    CurationResult,
    CurationSource,
    CurationSpec,
    MinimumLengthStep,
    NearDuplicateStep,
    NoiseStep,
    Recipe,
    SegmentStep,
    SplitStep,
)
from workers.contract.specs.run import RunConfig
from workers.engines.curation.engine import curate
from workers.engines.shared.runtime import EngineFault, Run, StopRequested, UserError
from workers.engines.shared.text import cell_range, row_text

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def source(tmp_path):
    """Makes a document of pages and gives what a data set names it by."""

    def make(name: str, pages: list[Page]) -> CurationSource:
        folder = tmp_path / name
        folder.mkdir()
        path = folder / "pages.jsonl"
        path.write_text("".join(page.model_dump_json() + "\n" for page in pages), encoding="utf-8")
        write_manifest(folder, "pages")
        return CurationSource(
            document_id=f"file-{name}",
            revision_id=f"rev-{name}",
            document_name=name,
            pages_path=path,
            media_type="text/plain",
        )

    return make


@pytest.fixture
def curated(run):
    def go(
        *sources: CurationSource, **settings: Any
    ) -> tuple[CurationResult, list[dict[str, Any]], list[dict[str, Any]]]:
        result = curate(run, CurationSpec(sources=sources, **settings))
        return (
            result,
            read_jsonl(run.output_dir / "records.jsonl"),
            read_jsonl(run.output_dir / "dropped.jsonl"),
        )

    return go


def pages(*texts: str, kind: str = "page") -> list[Page]:
    return [Page(kind=kind, number=number, text=text) for number, text in enumerate(texts, 1)]


def sheet(*tables: list[list[str]], label: str = "表") -> list[Page]:
    """One sheet; each table below the one before, with an empty row between."""
    made, row = [], 0
    for rows in tables:
        made.append(Table(cells=cell_range(row, 0, len(rows), len(rows[0])), rows=rows))
        row += len(rows) + 1
    text = "\n\n".join("\n".join(row_text(row) for row in table.rows) for table in made)
    return [Page(kind="sheet", number=1, label=label, text=text, tables=tuple(made))]


def sentence(seed: int) -> str:
    """A sentence unlike every other one."""
    characters = random.Random(seed).sample(
        "山川海空森林花鳥風月雪星雲雨道橋門窓机椅本紙筆墨硯箱鍵鐘鈴旗", 24
    )
    return "".join(characters) + "。"


def texts_of(records: list[dict[str, Any]]) -> list[str]:
    return [record["text"] for record in records if record["type"] == "text"]


# -- segment --------------------------------------------------------------------------------
def test_articles_become_units_across_page_breaks(source, curated):
    first = f"規程\n{sentence(1)}\n第1章 総則\n第1条 {sentence(2)}\n第2条 宿泊費は実費を上限まで"
    second = f"支給する。{sentence(3)}\n第2章 雑則\n第3条 {sentence(4)}"
    _, records, _ = curated(source("rule", pages(first, second)))
    assert texts_of(records) == [
        f"規程\n{sentence(1)}",
        f"第1章 総則\n第1条 {sentence(2)}",
        f"第2条 宿泊費は実費を上限まで支給する。{sentence(3)}",
        f"第2章 雑則\n第3条 {sentence(4)}",
    ]
    assert [record["source"]["number"] for record in records] == [1, 1, 1, 2]


@pytest.mark.parametrize("longest", [50, 80, 300])
def test_no_unit_is_longer_than_asked_and_nothing_is_lost(source, curated, longest):
    text = "第1条 " + "".join(sentence(seed) for seed in range(40)) + "あ" * 200 + "。"
    recipe = Recipe(steps=(SegmentStep(max_characters=longest), SplitStep()))
    _, records, _ = curated(source("long", pages(text)), recipe=recipe)
    assert max(map(len, texts_of(records))) <= longest
    assert "".join(texts_of(records)) == text


def test_prose_is_cut_at_the_end_of_a_paragraph(source, curated):
    paragraphs = ["".join(sentence(10 * p + s) for s in range(5)) for p in range(4)]
    _, records, _ = curated(source("prose", pages("\n".join(paragraphs), kind="section")))
    assert texts_of(records) == ["\n".join(paragraphs[:2]), "\n".join(paragraphs[2:])]


def test_sheet_rows_are_grouped_under_their_header(source, curated):
    rows = [["品番", "品名"], *[[f"K-{i:03}", sentence(i)] for i in range(30)]]
    _, records, _ = curated(source("parts", sheet([["部品表"]], rows)))
    assert [record["source"]["cells"] for record in records] == ["A3:B26", "A27:B33"]
    assert all(text.startswith("部品表\n品番 | 品名\nK-") for text in texts_of(records))


# -- pairs ----------------------------------------------------------------------------------
def test_pairs_keep_cells_short_answers_and_leave_no_text_behind(source, curated):
    faq = [
        ["よくある質問", "", "", ""],
        ["No", "ご質問", "回答", "短答"],
        ["1", "締切りはいつですか?", "毎月25日です。", "25日 / 二十五日"],
        ["2", "速度は?", "時速60kmです。", "60 km/h"],
        ["3", "内線は?", "3799です。", "3,799"],
        ["4", "未定ですか?", "", ""],
    ]
    result, records, dropped = curated(source("faq", sheet(faq)))
    pairs = [record for record in records if record["type"] == "pair"]
    assert [pair["question"] for pair in pairs] == ["締切りはいつですか?", "速度は?", "内線は?"]
    assert [pair["accepted"] for pair in pairs] == [["25日", "二十五日"], ["60 km/h"], ["3,799", "3799"]]
    assert pairs[0]["source"]["cells"] == "A3:D3"
    assert (dropped[0]["reason"], dropped[0]["source"]["cells"]) == ("incomplete_pair", "A6:D6")
    assert not any("締切り" in text for text in texts_of(records))
    assert (result.pairs, result.records) == (3, 0)


@pytest.mark.parametrize("header", [["Question", "Answer"], ["Q", "A"], ["お問い合わせ内容", "回答内容"]])
def test_header_names_in_both_languages(source, curated, header):
    result, *_ = curated(source("faq", sheet([header, ["いつですか", "明日です"]])))
    assert result.pairs == 1


def test_a_table_about_something_else_gives_no_pairs(source, curated):
    result, *_ = curated(
        source("t", sheet([["品名", "この列の質問は総務までお寄せください"], ["ねじ", "回答なし"]]))
    )
    assert result.pairs == 0


def test_contexts_come_from_the_best_passage_with_the_answer(source, curated):
    rule = "第1条 出張の日当は一日三千円とする。\n第2条 宿泊費の上限は一泊12,500円とする。\n第3条 出張の日当は海外では13日を限度とする。"
    faq = sheet(
        [
            ["質問", "回答", "短答"],
            ["海外出張の日当は何日が限度ですか", "13日が限度です", "13日"],
            ["月の重さは?", "不明", ""],
        ]
    )
    _, records, _ = curated(source("rule", pages(rule)), source("faq", faq))
    contexts = [record["context"] for record in records if record["type"] == "pair"]
    assert contexts == ["第3条 出張の日当は海外では13日を限度とする。", ""]


# -- dropping -------------------------------------------------------------------------------
def test_boilerplate(source, curated):
    header, footer = "株式会社個社 就業規則", "社外秘 {} / 4"
    contents = "目次\n第1条 目的 ........ 1\n第2条 旅費 ........ 3\n第3条 雑則 ........ 9"
    notice = "本書は株式会社個社の機密情報を含みます。\n無断転載・複製を禁じます。\n© 2025 Kosha Inc. All rights reserved."
    body = [
        contents,
        notice,
        "第1条 " + sentence(1),
        "第2条 本規程の文書を無断で複製することを禁じる。" + sentence(2),
    ]
    document = pages(*(f"{header}\n{text}\n{footer.format(n)}" for n, text in enumerate(body, 1)), "")
    _, records, dropped = curated(source("rules", document))
    assert texts_of(records) == body[2:]
    reasons = sorted(entry["reason"] for entry in dropped)
    assert reasons == ["blank", "notice", "repeated_line", "repeated_line", "table_of_contents"]


def test_short_noisy_and_repetitive_units_are_dropped_with_numbers(source, curated):
    steps = (SegmentStep(), MinimumLengthStep(), NoiseStep(min_japanese_share=0.5), SplitStep())
    texts = [
        "短い。",
        "■□◆◇○●△▲" * 5 + "記号だけ",
        "はい" * 40,
        "This page is written in English only.",
        sentence(1),
    ]
    _, records, dropped = curated(source("noise", pages(*texts, kind="section")), recipe=Recipe(steps=steps))
    assert texts_of(records) == [sentence(1)]
    assert [entry["reason"] for entry in dropped] == ["too_short", "symbols", "repetition", "not_japanese"]
    assert dropped[0]["detail"] == "3 < 15"


def test_exact_and_near_duplicates_keep_the_first(source, curated):
    long = "".join(sentence(seed) for seed in range(6))
    near = long.replace("。", "、", 1)
    _, records, dropped = curated(
        source("a", pages(long)), source("b", pages(long[:10] + " \n" + long[10:])), source("c", pages(near))
    )
    assert [record["source"]["document_name"] for record in records] == ["a"]
    assert [(entry["reason"], entry["detail"].split()[-1]) for entry in dropped] == [
        ("exact_duplicate", records[0]["id"]),
        ("near_duplicate", records[0]["id"]),
    ]


def test_threshold_one_keeps_what_differs(source, curated):
    long = "".join(sentence(seed) for seed in range(6))
    steps = (SegmentStep(), NearDuplicateStep(threshold=1.0), SplitStep())
    result, *_ = curated(source("a", pages(long)), source("b", pages(long[:-20])), recipe=Recipe(steps=steps))
    assert result.records == 2


def test_personal_data_is_masked_in_text_tables_and_pairs(source, curated):
    roster = [["氏名", "電話"], ["山田 太郎", "090-1234-5678"], ["鈴木花子", "なし"]]
    faq = [["質問", "回答"], ["窓口は?", "help@example.com です。"]]
    result, records, dropped = curated(
        source("s", sheet(roster, faq)), source("p", pages("担当者: 佐藤 次郎 " + sentence(1)))
    )
    everything = json.dumps(records, ensure_ascii=False) + json.dumps(dropped, ensure_ascii=False)
    for secret in ("山田", "鈴木", "佐藤", "090-1234", "help@"):
        assert secret not in everything
    assert result.masked == {"email": 1, "name": 3, "phone": 1}


# -- split ----------------------------------------------------------------------------------
def many(count: int) -> str:
    return "\n".join(
        f"第{number}条 {sentence(number)}{sentence(number + 5000)}" for number in range(1, count + 1)
    )


def test_split_has_its_share_and_does_not_move_when_the_data_set_grows(source, run, curated):
    result, records, _ = curated(source("a", pages(many(300))))
    assert 0.05 < result.heldout_records / result.records < 0.16
    before = {record["text"] for record in records if record["split"] == "heldout"}
    again, more, _ = curated(source("b", pages(many(330))))
    after = {record["text"] for record in more if record["split"] == "heldout"}
    assert before <= after
    assert again.records == 330


def test_another_seed_holds_out_others(source, run, curated):
    document = source("a", pages(many(200)))
    held = [
        {record["text"] for record in curated(document, seed=seed)[1] if record["split"] == "heldout"}
        for seed in (0, 1)
    ]
    assert held[0] != held[1]


def test_share_zero_holds_out_nothing(source, curated):
    result, *_ = curated(source("a", pages(many(50))), heldout_share=0)
    assert result.heldout_records == 0


def test_small_data_sets_hold_out_the_least_number(source, curated):
    result, *_ = curated(source("a", pages(many(40))), heldout_share=0.01)
    assert result.heldout_records == 8


def test_similar_records_stay_on_one_side(source, curated):
    """Variants alike enough to leak but not enough to be dropped: each family on one side only."""

    def variant(family: int, number: int) -> str:
        return "".join(sentence(family * 100 + part) for part in range(8)) + sentence(
            90_000 + family * 10 + number
        )

    lines = [f"第{f * 3 + n + 1}条 {variant(f, n)}" for f in range(40) for n in range(3)]
    recipe = Recipe(steps=(SegmentStep(), SplitStep()))
    _, records, _ = curated(source("a", pages("\n".join(lines))), recipe=recipe, heldout_share=0.3)
    sides = [record["split"] for record in records]
    assert len(sides) == 120 and {"train", "heldout"} == set(sides)
    assert all(len(set(sides[start : start + 3])) == 1 for start in range(0, 120, 3))


def test_pairs_with_one_answer_stay_on_one_side(source, curated):
    rows = [["質問", "回答"]]
    for number in range(60):
        rows += [
            [sentence(number * 2) + "とは?", sentence(number + 3000)],
            [sentence(number * 2 + 1), sentence(number + 3000)],
        ]
    _, records, _ = curated(source("faq", sheet(rows)), heldout_share=0.3)
    sides = {}
    for record in records:
        sides.setdefault(record["answer"], set()).add(record["split"])
    assert all(len(side) == 1 for side in sides.values())
    assert {"train"} in sides.values() and {"heldout"} in sides.values()


def test_no_training_pair_shows_a_heldout_text(source, curated):
    rows = [["質問", "回答"], *[[f"第{n}条は?", sentence(n)] for n in range(1, 60)]]
    _, records, _ = curated(source("rule", pages(many(120))), source("faq", sheet(rows)), heldout_share=0.2)
    held = {record["text"] for record in records if record["type"] == "text" and record["split"] == "heldout"}
    pairs = [record for record in records if record["type"] == "pair"]
    train_contexts = {pair["context"] for pair in pairs if pair["split"] == "train"}
    assert held and len(train_contexts) > 30
    assert not held & train_contexts


# -- whole ----------------------------------------------------------------------------------
def test_conversations_are_masked_and_split(source, curated):
    document = source("chat", pages("user: …", kind="section"))
    where = Source(document_id="file-chat", revision_id="r", document_name="chat", kind="section", number=1)
    messages = (
        {"role": "user", "content": "電話は?"},
        {"role": "assistant", "content": "090-1234-5678です。"},
    )
    lines = [MessagesRecord(id="x", messages=messages, source=where).model_dump_json()] * 2
    document.pages_path.with_name("records.jsonl").write_text("\n".join(lines), encoding="utf-8")
    write_manifest(document.pages_path.parent, "pages")
    result, records, dropped = curated(document)
    assert (result.conversations, result.records) == (1, 0)
    assert records[0]["messages"][1]["content"] == "〔電話番号〕です。"
    assert dropped[0]["reason"] == "exact_duplicate"


def golden_sources(source) -> tuple[CurationSource, ...]:
    rule = f"第1条 {sentence(1)}\n第2条 日当は三千円とし、質問は総務 taro@example.com へ。"
    faq = [["質問", "回答", "短答"], ["日当はいくらですか", "三千円です。", "三千円"]]
    return source("rule", pages(rule)), source("copy", pages(rule)), source("faq", sheet(faq))


def test_golden_output(source, run, curated):
    """Every byte of the records and drops; a change here changes customers' data sets."""
    curated(*golden_sources(source))
    for name in ("records.jsonl", "dropped.jsonl"):
        assert (run.output_dir / name).read_text(encoding="utf-8") == (GOLDEN / name).read_text(
            encoding="utf-8"
        )


def test_same_spec_same_manifest(source, curated, run, tmp_path):
    sources = golden_sources(source)
    first, *_ = curated(*sources)
    config = RunConfig(job_id="job-2", kind="test", fence=1, attempt=1, run_dir=tmp_path / "second", spec={})
    again = Run(config)
    assert curate(again, CurationSpec(sources=sources)).manifest_sha256 == first.manifest_sha256
    verify_manifest(again.output_dir, first.manifest_sha256)


def test_report_counts_add_up(source, curated, run):
    result, _, dropped = curated(*golden_sources(source))
    report = json.loads((run.output_dir / "report.json").read_text(encoding="utf-8"))
    steps = report["steps"]
    assert [step["step"] for step in steps] == [step.type for step in DEFAULT_RECIPE.steps[:-1]]
    assert all(before["units_out"] == after["units_in"] for before, after in pairwise(steps))
    assert steps[-1]["units_out"] == result.records + result.pairs
    assert sum(step["dropped"] for step in steps) == len(dropped) == result.dropped
    assert report["totals"]["masked"] == {"email": 2}


def test_no_documents(run):
    with pytest.raises(UserError) as caught:
        curate(run, CurationSpec(sources=()))
    assert caught.value.code == "user.no_documents"


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text(path.read_text() + "\n")])
def test_missing_and_damaged_pages_are_the_systems_fault(source, run, damage):
    lost = source("a", pages("本文。"))
    damage(lost.pages_path)
    with pytest.raises(EngineFault) as caught:
        curate(run, CurationSpec(sources=(lost,)))
    assert (caught.value.code, caught.value.param) == ("system.pages_missing", "file-a")


def test_everything_dropped_is_a_result(source, curated):
    result, records, _ = curated(source("a", pages("短い。")))
    assert (result.records, records, result.dropped_by_reason) == (0, [], {"too_short": 1})


def test_stop_request_is_obeyed(source, run):
    run.request_stop()
    with pytest.raises(StopRequested):
        curate(run, CurationSpec(sources=(source("a", pages("本文。")),)))


@pytest.mark.parametrize(
    "steps",
    [
        (SegmentStep(),),
        (SplitStep(),),
        (SplitStep(), SegmentStep()),
        (SegmentStep(), SegmentStep(), SplitStep()),
        (MinimumLengthStep(), SegmentStep(), SplitStep()),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(steps):
    with pytest.raises(ValidationError):
        Recipe(steps=steps)
