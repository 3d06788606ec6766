"""Boilerplate, noise and duplicates are dropped with their reasons; personal data is masked."""

from __future__ import annotations

import json

from tests.engines.curation.documents import pages, sentence, sheet, texts_of
from workers.contract.artifacts import write_manifest
from workers.contract.records import DocumentOrigin, MessagesRecord, Source, TextRecord
from workers.contract.specs.curation import Recipe
from workers.contract.specs.curation_steps import (
    MinimumLengthStep,
    NearDuplicateStep,
    NoiseStep,
    SegmentStep,
    SplitStep,
)


def test_drops_boilerplate_pages_and_repeated_lines(source, curated):
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


def test_front_matter_goes_and_its_title_stays(source, curated):
    matter = '---\ntitle: "休暇の手引き"\ndate: 2026-04-01\ntags:\n  - 人事\n---\n'
    config = f"---\nretention_days: 30\nregion: tokyo\n---\n{sentence(2)}"
    _, records, dropped = curated(
        source("a", pages(matter + sentence(1), kind="section")), source("b", pages(config, kind="section"))
    )
    assert texts_of(records) == [f"休暇の手引き\n\n{sentence(1)}", config]
    assert [entry["reason"] for entry in dropped] == ["front_matter"]


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
    assert [record["origin"]["source"]["document_name"] for record in records] == ["a"]
    assert [(entry["reason"], entry["detail"].split()[-1]) for entry in dropped] == [
        ("exact_duplicate", records[0]["id"]),
        ("near_duplicate", records[0]["id"]),
    ]


def test_threshold_one_keeps_texts_that_differ(source, curated):
    long = "".join(sentence(seed) for seed in range(6))
    steps = (SegmentStep(), NearDuplicateStep(threshold=1.0), SplitStep())
    result, *_ = curated(source("a", pages(long)), source("b", pages(long[:-20])), recipe=Recipe(steps=steps))
    assert result.records == 2


def test_personal_data_is_masked_in_text_tables_and_pairs(source, curated):
    roster = [["氏名", "電話"], ["山田 太郎", "090-1234-5678"], ["鈴木花子", "なし"]]
    faq = [["質問", "回答"], ["窓口は?", "h.suzuki@example.com です。"]]
    result, records, dropped = curated(
        source("s", sheet(roster, faq)), source("p", pages("担当者: 佐藤 次郎 " + sentence(1)))
    )
    everything = json.dumps(records, ensure_ascii=False) + json.dumps(dropped, ensure_ascii=False)
    for secret in ("山田", "鈴木", "佐藤", "090-1234", "h.suzuki@"):
        assert secret not in everything
    assert result.masked == {"email": 1, "name": 3, "phone": 1}


def test_conversations_are_masked_and_split(source, curated):
    document = source("chat", pages("user: …", kind="section"))
    where = DocumentOrigin(
        source=Source(
            document_id="file-chat", revision_id="r", document_name="chat", kind="section", number=1
        )
    )
    messages = (
        {"role": "user", "content": "電話は?"},
        {"role": "assistant", "content": "090-1234-5678です。"},
    )
    lines = [MessagesRecord(id="x", messages=messages, origin=where).model_dump_json()] * 2
    document.pages_path.with_name("records.jsonl").write_text("\n".join(lines), encoding="utf-8")
    write_manifest(document.pages_path.parent, "pages")
    result, records, dropped = curated(document)
    assert (result.conversations, result.records) == (1, 0)
    assert records[0]["messages"][1]["content"] == "〔電話番号〕です。"
    assert dropped[0]["reason"] == "exact_duplicate"


def test_texts_of_a_jsonl_file_are_records_and_not_its_pages(source, curated):
    document = source("texts", pages("一行目。二行目。", kind="section"))
    origin = DocumentOrigin(
        source=Source(document_id="file-texts", revision_id="r", document_name="t", kind="section", number=1)
    )
    texts = ("宿泊費は一泊一万円を上限とする。", "連絡先は090-1234-5678です。電話は平日に限る。")
    lines = [
        TextRecord(id=str(number), text=text, origin=origin).model_dump_json()
        for number, text in enumerate(texts)
    ]
    document.pages_path.with_name("records.jsonl").write_text("\n".join(lines), encoding="utf-8")
    write_manifest(document.pages_path.parent, "pages")
    _, records, _ = curated(document)
    assert [each["text"] for each in records] == [
        "宿泊費は一泊一万円を上限とする。",
        "連絡先は〔電話番号〕です。電話は平日に限る。",
    ]
