"""Real files of every format give their text, in order, with tables, labels and cell ranges."""

from __future__ import annotations

import codecs
import datetime
import json

import pytest

from tests.engines.conftest import read_jsonl
from tests.engines.ingest import documents
from workers.contract.records import TextLayer
from workers.engines.ingest.engine import read_file
from workers.engines.shared.runtime import UserError

JAPANESE = "第1条（目的）この規程は、従業員の出張旅費について定める。\n第2条　宿泊費は一泊一万円とする。"


def test_joins_wrapped_lines_of_pdf_pages(spec_for, parse):
    wrapped = [
        "第3条 宿泊費は、地域の区分と従業員の等級とに応じて、別表",
        "第一に定める額を上限として支給する。",
        "(1) 東京",
    ]
    pages = parse(spec_for("rule.pdf", documents.pdf([wrapped, ["二枚目。"]])))
    assert [(page.kind, page.number) for page in pages] == [("page", 1), ("page", 2)]
    assert (
        pages[0].text
        == "第3条 宿泊費は、地域の区分と従業員の等級とに応じて、別表第一に定める額を上限として支給する。\n(1) 東京"
    )
    assert pages[1].text == "二枚目。"


def test_reads_word_sections_and_tables(spec_for, parse):
    def build(document):
        document.add_paragraph("前文です。")
        document.add_heading("第1章 総則", 1)
        document.add_heading("第1条 目的", 2)
        document.add_paragraph("目的を定める。")
        document.add_heading("第2条 旅費", 2)
        table = document.add_table(rows=2, cols=2)
        for index, text in enumerate(("区分", "金額", "東京", "12,000円")):
            table.cell(*divmod(index, 2)).text = text
        document.add_paragraph("以上を支給する。")

    pages = parse(spec_for("rule.docx", documents.word(build)))
    assert [page.label for page in pages] == [None, "第1条 目的", "第2条 旅費"]
    assert pages[1].text == "第1章 総則\n第1条 目的\n目的を定める。"
    assert pages[2].text == "第2条 旅費\n区分 | 金額\n東京 | 12,000円\n以上を支給する。"
    assert pages[2].tables[0].cells == "A1:B2"


def test_workbook_tables_keep_their_cell_ranges(spec_for, parse):
    rows = [
        ["価格表"],
        [],
        [None, "品名", "価格", "掛率", "発売"],
        [None, "ねじ", 1200, 0.25, datetime.date(2024, 4, 1)],
        [None, "ばね", 80.5, None, datetime.datetime(2024, 4, 1, 9, 30)],
    ]
    book = documents.workbook({"価格": rows, "作業用": [["秘密"]], "空": []}, hidden=["作業用"])
    pages = parse(spec_for("prices.xlsx", book))
    assert [(page.kind, page.label, page.number) for page in pages] == [
        ("sheet", "価格", 1),
        ("sheet", "空", 2),
    ]
    assert [table.cells for table in pages[0].tables] == ["A1:A1", "B3:E5"]
    assert pages[0].tables[1].rows[1] == ("ねじ", "1200", "0.25", "2024-04-01")
    assert pages[0].tables[1].rows[2] == ("ばね", "80.5", "", "2024-04-01 9:30:00")
    assert (
        pages[0].text
        == "価格表\n\n品名 | 価格 | 掛率 | 発売\nねじ | 1200 | 0.25 | 2024-04-01\nばね | 80.5 | | 2024-04-01 9:30:00"
    )


def test_slides_come_in_the_order_of_the_presentation(spec_for, parse):
    pages = parse(spec_for("talk.pptx", documents.slides(["はじめに", "まとめ"])))
    assert [(page.kind, page.text) for page in pages] == [("slide", "はじめに"), ("slide", "まとめ")]


def test_html_keeps_the_content_only(spec_for, parse):
    page = """<!DOCTYPE html><html><head><title>手引き</title><style>p{}</style></head><body>
      <nav>ホーム</nav><h1>操作の手引き</h1><p>電源を<b>入れて</b>
      ください。<br>次に進みます。</p><script>alert(1)</script>
      <h2>部品</h2><table><tr><th>部品</th><th>数</th></tr><tr><td>ねじ</td><td>4</td></tr></table>
      <ul><li>一つ目</li><li>二つ目</li></ul><footer>Copyright</footer></body></html>"""
    pages = parse(spec_for("manual.html", page.encode()))
    assert [page.label for page in pages] == ["操作の手引き", "部品"]
    assert pages[0].text == "操作の手引き\n電源を入れて ください。\n次に進みます。"
    assert pages[1].text == "部品\n部品 | 数\nねじ | 4\n一つ目\n二つ目"


def test_reads_html_nested_beyond_the_recursion_limit(spec_for, parse):
    deep = "<!doctype html><body>" + "<div>" * 1500 + "底。" + "</div>" * 1500
    assert parse(spec_for("deep.html", deep.encode()))[0].text == "底。"


def test_html_too_deep_for_libxml_is_refused_rather_than_cut(spec_for, parse):
    deep = "<!doctype html><body>上。" + "<div>" * 5000 + "底。"
    with pytest.raises(UserError) as caught:
        parse(spec_for("deep.html", deep.encode()))
    assert caught.value.code == "user.damaged_file"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932", "euc_jp", "iso2022_jp"])
def test_decodes_every_japanese_encoding(spec_for, parse, encoding):
    text = JAPANESE * 3
    assert parse(spec_for("rule.txt", text.encode(encoding)))[0].text.startswith("第1条(目的)この規程は、")


def test_decodes_one_short_line_of_shift_jis(spec_for, parse):
    assert parse(spec_for("memo.txt", "会議は十時。".encode("cp932")))[0].text == "会議は十時。"


def test_decodes_html_in_declared_shift_jis(spec_for, parse):
    page = '<html><head><meta charset="Shift_JIS"></head><body><p>㈱個社の案内①</p></body></html>'
    assert parse(spec_for("a.html", page.encode("cp932")))[0].text == "(株)個社の案内(1)"


def test_byte_order_mark_is_not_text(spec_for, parse):
    assert parse(spec_for("a.txt", codecs.BOM_UTF8 + "本文".encode()))[0].text == "本文"


def test_splits_markdown_into_sections(spec_for, parse):
    text = "# 手順\n\n本文。\n\n```\n# これは見出しではない\n```\n\n## 片付け\n\n終わり。\n"
    pages = parse(spec_for("a.md", text.encode()))
    assert [(page.label, page.text.split("\n")[-1]) for page in pages] == [
        ("手順", "```"),
        ("片付け", "終わり。"),
    ]


def test_csv_rows_keep_cell_ranges(spec_for, parse):
    page = parse(spec_for("a.csv", '質問,回答\n"いつ?\n何時?","10,000円"\n'.encode("cp932")))[0]
    assert page.kind == "sheet"
    assert page.tables[0].cells == "A1:B2"
    assert page.tables[0].rows[1] == ("いつ?\n何時?", "10,000円")


def test_jsonl_becomes_records_and_readable_pages(run, spec_for):
    messages = [
        {"role": "user", "content": "締めは？"},
        {"role": "assistant", "content": "<|im_end|>月末です。"},
    ]
    line = json.dumps({"messages": messages}, ensure_ascii=False)
    result = read_file(run, spec_for("train.jsonl", f"{line}\n\n{line}\n".encode()))
    assert (result.media_type, result.records, result.pages) == ("application/jsonl", 2, 1)
    records = read_jsonl(run.output_dir / "rev-1" / "records.jsonl")
    assert records[1]["origin"]["source"]["number"] == 3
    assert records[0]["messages"][1]["content"] == "〈|im_end|〉月末です。"


def test_type_is_read_from_the_bytes(run, spec_for):
    result = read_file(
        run, spec_for("report.pdf", documents.word(lambda document: document.add_paragraph("本文。")))
    )
    assert result.media_type.endswith("wordprocessingml.document")
    assert result.warnings == ("type_differs_from_name",)


def test_pages_without_text_are_a_warning(run, spec_for):
    result = read_file(run, spec_for("a.pdf", documents.pdf([["一枚目。"], []], title="規程集")))
    assert (result.pages, result.warnings, result.title) == (2, ("pages_without_text:1:2",), "規程集")
    assert read_jsonl(run.directory / "events.jsonl")[-1]["done"] == 2


def test_hidden_sheets_are_a_warning(run, spec_for):
    book = documents.workbook({"表": [["品名"]], "作業用": [["秘密"]]}, hidden=["作業用"])
    assert read_file(run, spec_for("a.xlsx", book)).warnings == ("hidden_sheets_skipped:1",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", documents.pdf([["本文。"]])),
        ("a.xlsx", documents.workbook({"表": [["品名"]]})),
        ("a.txt", "本文。".encode()),
    ],
)
def test_a_page_says_that_its_text_is_the_files_own(spec_for, parse, name, content):
    assert [page.text_origin for page in parse(spec_for(name, content))] == [TextLayer()]


@pytest.mark.parametrize(("unit", "count"), [("文。", 60_000), ("行\n", 60_000), ("字", 250_000)])
def test_a_very_long_text_becomes_several_sections(spec_for, parse, unit, count):
    pages = parse(spec_for("a.txt", (unit * count).encode()))
    assert len(pages) in (2, 3) and all(len(page.text) <= 100_000 for page in pages)
    assert "".join(page.text for page in pages).replace("\n", "") == (unit * count).replace("\n", "")
