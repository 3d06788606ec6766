"""Small files that were read wrongly once, from the upload to the records of a dataset version."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import read_jsonl
from workers.contract.artifacts import write_manifest
from workers.contract.records import MessagesRecord, Page
from workers.contract.specs.curation import CurationSource, CurationSpec
from workers.contract.specs.ingest import IngestSpec
from workers.engines.curation.engine import curate
from workers.engines.ingest import reading
from workers.engines.ingest.reading import Output
from workers.engines.shared.runtime import Run, UserError

INPUTS = Path(__file__).parent / "inputs"
Read = Callable[[str], tuple[list[str], list[dict[str, Any]]]]


@pytest.fixture
def read(tmp_path: Path, run: Run) -> Read:
    """The text of a file's pages, and the records of a version that is made from it alone."""

    def read_file(name: str) -> tuple[list[str], list[dict[str, Any]]]:
        folder = tmp_path / "pages"
        folder.mkdir()
        spec = IngestSpec(document_id="file-1", revision_id="rev-1", name=name, path=INPUTS / name)
        pages: list[Page] = []
        conversations: list[MessagesRecord] = []
        with open(spec.path, "rb") as file:
            output = Output(lambda done, total: None, pages.append, conversations.append)
            found = reading.read(file, spec, output)
        for part, lines in (("pages.jsonl", pages), ("records.jsonl", conversations)):
            if lines:
                (folder / part).write_text("".join(f"{line.model_dump_json()}\n" for line in lines), "utf-8")
        write_manifest(folder, "pages")
        source = CurationSource(
            document_id="file-1",
            revision_id="rev-1",
            document_name=name,
            pages_path=folder / "pages.jsonl",
            media_type=found.media_type,
        )
        curate(run, CurationSpec(sources=(source,)))
        return [page.text for page in pages], read_jsonl(run.output_dir / "records.jsonl")

    return read_file


def test_tracked_changes_are_accepted(read):
    (text,), _ = read("出張旅費規程_改正案.docx")
    assert text == (
        "出張旅費規程の一部改正\n国内出張の日当は2,500円とする。\n宿泊費の上限は一泊につき12,000円とする。\n"
        "領収書は原本を添付する。\n精算は帰着後五営業日以内に行う。\n施行日 | 2025年10月1日\n以上のとおり改正する。"
    )


def test_ruby_leaves_the_base_text_in_place(read):
    (text,), _ = read("押印手続のしおり.docx")
    assert text.split("\n")[1:] == [
        "稟議書は、課長の捺印を得てから頒布する。",
        "控えは総務課の鍵付き書庫に三年間置く。",
    ]


def test_articles_have_the_numbers_that_word_shows(read):
    (text,), records = read("車両管理規程.docx")
    assert text.split("\n")[1:] == [
        "第1条(目的)この規程は、社有車の使用及び管理について定める。",
        "第2条(運転者)社有車を運転する者は、安全運転管理者の承認を受けた者に限る。",
        "1 承認の有効期間は一年とする。",
        "2 承認を受けた者は、次の書類を毎年提出する。",
        "(ア) 運転免許証の写し",
        "(イ) 運転記録証明書",
        "(私用の禁止)社有車を私用に供してはならない。",
        "第3条(事故の報告)事故を起こした者は、直ちに安全運転管理者へ報告する。",
        "第4条(費用)燃料費は会社が負担し、反則金は運転者が負担する。",
    ]
    assert [record["text"][:4] for record in records][-4:] == ["第1条(", "第2条(", "第3条(", "第4条("]


def test_merged_cells_count_for_their_rows(read):
    texts, records = read("部品表と問合せ.xlsx")
    assert "水中ポンプ | KP-220 | 104000 | 116000 | 9営業日" in texts[0].split("\n")
    assert texts[0].startswith("区分 | 型式 | 標準価格 国内 | 標準価格 輸出 | 納期\n")
    pairs = {record["question"]: record["answer"] for record in records if record["type"] == "pair"}
    answer = "国内は一泊12,000円までです。\n海外は一泊24,000円までです。"
    assert pairs["出張の宿泊費はいくらまで認められますか"] == answer
    assert len(pairs) == 2


def test_formulas_without_results_are_shown(read):
    texts, records = read("見積書_自動出力.xlsx")
    assert (
        texts[0]
        == "品名 | 数量 | 単価 | 金額\n軸受 | 12 | 3400 | =B2*C2\nパッキン | 40 | 250 | =B3*C3\n合計 | | | =SUM(D2:D3)"
    )
    answers = {record["question"]: record["answer"] for record in records if record["type"] == "pair"}
    assert answers["KP-210の標準納期は何日ですか"] == '="標準納期は"&C2&"営業日です。"'


def test_values_of_a_form_are_read_beside_their_labels(read):
    (text,), records = read("備品購入申請書_記入済.pdf")
    assert text.split("\n")[1:5] == [
        "申請部署 設備保全課",
        "購入品 振動計 二台",
        "申請金額 348,000円",
        "至急 ☑",
    ]
    assert "348,000円" in json.dumps(records, ensure_ascii=False)


def test_a_page_that_lies_in_one_form_is_read(read):
    texts, records = read("在宅勤務規程.html")
    assert "\n".join(texts) == (
        "在宅勤務規程\n在宅勤務は、所属長の承認を得て、週に三日まで行うことができる。\n手当\n"
        "在宅勤務手当は一日につき250円とし、翌月の給与で支給する。\n区分 | 上限日数\n育児中の社員 | 週五日"
    )
    assert records


@pytest.mark.parametrize("name", ["納期FAQ.xlsx", "納期一覧.md"])
def test_facts_of_one_template_are_all_kept(read, name):
    _, records = read(name)
    everything = json.dumps(records, ensure_ascii=False)
    assert len(records) == 6
    for model, days in ((110, 10), (120, 12), (130, 15), (210, 7), (220, 9), (230, 11)):
        assert f"KP-{model}" in everything and f"数えて{days}営業日" in everything


def test_rows_at_the_edges_of_pages_are_kept(read):
    _, records = read("交換部品価格表.pdf")
    lines = [line for record in records for line in record["text"].split("\n")]
    rows = [f"{2000 + n} {1250 * n:,} {n % 9 + 1}" for n in range(1, 25)]
    assert lines == ["交換部品の価格(部品番号 価格 入数)", *rows]


def test_numbered_titles_of_slides_are_kept(read):
    _, records = read("軸封交換手順.pptx")
    assert [record["text"].split("\n")[0] for record in records] == [f"手順{n}" for n in range(1, 5)]
    assert all(record["text"].endswith("作業の前後に写真を撮り、記録票に貼る。") for record in records)


@pytest.mark.parametrize("name", ["train.json", "sharegpt.jsonl"])
def test_other_forms_of_training_data_are_refused(read, name):
    with pytest.raises(UserError) as refused:
        read(name)
    assert refused.value.code == "user.not_jsonl" and "JSONL" in refused.value.message


def test_indentation_is_as_uploaded(read, tmp_path):
    uploaded = (INPUTS / "設定手順.md").read_text(encoding="utf-8")
    blocks = [block.strip("\n") for block in uploaded.split("```")[1::2]]
    (text,), records = read("設定手順.md")
    assert all(block in text and any(block in record["text"] for record in records) for block in blocks)


def test_indentation_of_answers_is_as_uploaded(read):
    uploaded = [json.loads(line) for line in (INPUTS / "コード対話.jsonl").read_text("utf-8").splitlines()]
    texts, records = read("コード対話.jsonl")
    assert [record["messages"] for record in records] == [line["messages"] for line in uploaded]
    assert all(line["messages"][1]["content"] in texts[0] for line in uploaded)
