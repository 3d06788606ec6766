"""Headings, lists, tables and notes of every format are blocks of its pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.ingest import documents
from tests.engines.ingest.block_lines import block_lines, outside
from tests.engines.ingest.test_word_numbering import abstract, item, lvl, num, styled
from tests.engines.ingest.test_word_text import NOTES, note, p, run, tbl, texts, tr

DEMO = Path(__file__).parents[3] / "demo/documents"
CASES = Path(__file__).parents[1] / "cases/inputs"
FILES = [
    path
    for path in (*DEMO.iterdir(), *CASES.iterdir())
    if path.suffix in (".docx", ".html", ".txt", ".xlsx", ".md", ".pptx")
]

TEXTS = {
    "parts of a regulation": (
        "就業規則\n第1章 総則\n第1節 目的\n第1条(目的)\nこの規則は、労働条件を定める。\n第2条 社員とは正社員をいう。\n附則\n施行日は別に定める。",
        [
            "paragraph 就業規則",
            "heading2 第1章 総則",
            "第1章 総則 > heading3 第1節 目的",
            "第1章 総則 > 第1節 目的 > heading5 第1条(目的)",
            "第1章 総則 > 第1節 目的 > 第1条(目的) > paragraph この規則は、労働条件を定める。",
            "第1章 総則 > 第1節 目的 > 第1条(目的) > paragraph 第2条 社員とは正社員をいう。",
            "heading2 附則",
            "附則 > paragraph 施行日は別に定める。",
        ],
    ),
    "a sentence that names a part": ("第2章の規定は準用する。", ["paragraph 第2章の規定は準用する。"]),
    "a table of contents": ("第1章 総則 .... 3", ["paragraph 第1章 総則 .... 3"]),
    "lists within lists": (
        "次による。\n1 氏名\n(1) 姓\n(2) 名\n2 住所\n※ 変更は届け出る。",
        [
            "paragraph 次による。",
            "list_item1 1 氏名",
            "list_item2 (1) 姓",
            "list_item2 (2) 名",
            "list_item1 2 住所",
            "note ※ 変更は届け出る。",
        ],
    ),
    "an item of two lines": (
        "・ 点検は毎月\n  一回とする。\n・ 記録する。",
        ["list_item1 ・ 点検は毎月\n  一回とする。", "list_item1 ・ 記録する。"],
    ),
    "a marked line with text below it": (
        "■ 受付\n電話で受ける。\n■ 報告\n書面で出す。",
        [
            "heading6 ■ 受付",
            "■ 受付 > paragraph 電話で受ける。",
            "heading6 ■ 報告",
            "■ 報告 > paragraph 書面で出す。",
        ],
    ),
    "marked lines that are a list": (
        "【必要な物】\n■ 工具\n■ 部品",
        ["heading6 【必要な物】", "【必要な物】 > list_item1 ■ 工具", "【必要な物】 > list_item1 ■ 部品"],
    ),
    "a line that the width of the page broke": (
        "この規程は、社有車の使用及び管理に\nついて必要な事項を定める。\n運転者は免許を持つ。",
        [
            "paragraph この規程は、社有車の使用及び管理に\nついて必要な事項を定める。",
            "paragraph 運転者は免許を持つ。",
        ],
    ),
    "code and rows of numbers": (
        "```\na = 1\n\n# b\n```\n2001 1,250 2\n2002 2,500 3",
        ["paragraph ```\na = 1\n\n# b\n```", "paragraph 2001 1,250 2\n2002 2,500 3"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_lines_of_text_say_what_they_are(spec_for, parse, text, expected):
    assert block_lines(parse(spec_for("a.txt", text.encode()))) == expected


MARKDOWN = {
    "headings of all levels": (
        "# 手順\n概要。\n### 準備 ###\n工具を出す。\n## 片付け\n終わり。",
        [
            "heading1 手順",
            "手順 > paragraph 概要。",
            "手順 > heading3 準備",
            "手順 > 準備 > paragraph 工具を出す。",
            "手順 > heading2 片付け",
            "手順 > 片付け > paragraph 終わり。",
        ],
    ),
    "lists": (
        "- 一つ目\n  - 内側\n- 二つ目\n\n  続き。\n\n1. 番号",
        [
            "list_item1 - 一つ目",
            "list_item2 - 内側",
            "list_item1 - 二つ目",
            "paragraph   続き。",
            "list_item1 1. 番号",
        ],
    ),
    "a table": (
        "前。\n\n| 品名 | 数 |\n|---|--:|\n| ねじ \\| 小 | 4 |\n\n後。",
        ["paragraph 前。", "table[0] 品名 | 数\nねじ | 小 | 4", "paragraph 後。"],
    ),
    "code and what looks like a heading in it": (
        "```\n### 違う\n- 違う\n```",
        ["paragraph ```\n### 違う\n- 違う\n```"],
    ),
    "quotations nested too deeply": ("> " * 500 + "a\nb", ["paragraph " + "> " * 500 + "a\nb"]),
    "front matter": (
        "---\ntitle: 手順\n---\n本文。",
        ["paragraph title: 手順", "paragraph 本文。"],
    ),
    "an article below a heading": (
        "## 旅費規程\n第1条(目的)\n目的を定める。",
        [
            "heading2 旅費規程",
            "旅費規程 > heading7 第1条(目的)",
            "旅費規程 > 第1条(目的) > paragraph 目的を定める。",
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), MARKDOWN.values(), ids=MARKDOWN)
def test_blocks_of_markdown(spec_for, parse, text, expected):
    assert block_lines(parse(spec_for("a.md", text.encode()))) == expected


HTML = {
    "headings of all levels": (
        "<h1>手引き</h1><p>前文。</p><h2>準備</h2><h3>工具</h3><p>出す。</p><h2>作業</h2><p>始める。</p>",
        [
            "heading1 手引き",
            "手引き > paragraph 前文。",
            "手引き > heading2 準備",
            "手引き > 準備 > heading3 工具",
            "手引き > 準備 > 工具 > paragraph 出す。",
            "手引き > heading2 作業",
            "手引き > 作業 > paragraph 始める。",
        ],
    ),
    "lists": (
        "<ul><li>一<ol><li>内<p>続き</p></li></ol>後</li><li hidden>消</li><li><p>二</p><p>三</p></li></ul>末。",
        ["list_item1 一", "list_item2 内", "paragraph 続き", "paragraph 後", "list_item1 二", "paragraph 三", "paragraph 末。"],
    ),
    "a table and its caption": (
        "<p>前。</p><table><caption>部品</caption><tr><th>品名<th>数<tr><td>ねじ<td>4</table>",
        ["paragraph 前。", "paragraph 部品", "table[0] 品名 | 数\nねじ | 4"],
    ),
    "code": ("<pre>a:\n\n  - b</pre>", ["paragraph a:\n\n  - b"]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), HTML.values(), ids=HTML)
def test_blocks_of_web_pages(spec_for, parse, body, expected):
    assert block_lines(parse(spec_for("a.html", f"<!doctype html><body>{body}".encode()))) == expected


WORD = {
    "headings of all levels, and a title": (
        styled("規程集", "Title")
        + styled("総則", "Heading1")
        + styled("目的", "Heading3")
        + p(run("定める。"))
        + styled("雑則", "Heading2")
        + p(run("別に定める。")),
        [
            "heading1 規程集",
            "heading1 総則",
            "総則 > heading3 目的",
            "総則 > 目的 > paragraph 定める。",
            "総則 > heading2 雑則",
            "総則 > 雑則 > paragraph 別に定める。",
        ],
    ),
    "numbered items": (
        item("氏名") + item("姓", 1) + item("住所"),
        ["list_item1 1. 氏名", "list_item2 (1) 姓", "list_item1 2. 住所"],
    ),
    "numbered articles are no items": (
        item("(目的)", 0, 2) + p(run("定める。")) + item("社員とは正社員をいう。", 0, 2),
        [
            "heading5 第1条(目的)",
            "第1条(目的) > paragraph 定める。",
            "第1条(目的) > paragraph 第2条 社員とは正社員をいう。",
        ],
    ),
    "a table and a note": (
        tbl(tr(*texts("区分", "額"))) + p(run("日当") + note(1)),
        ["table[0] 区分 | 額", "paragraph 日当", "note (注1) 半日の場合は半額とする。"],
    ),
}
LISTS = abstract(0, lvl(0, "%1."), lvl(1, "(%2)")) + abstract(1, lvl(0, "第%1条")) + num(1, 0) + num(2, 1)


@pytest.mark.parametrize(("body", "expected"), WORD.values(), ids=WORD)
def test_blocks_of_word_documents(spec_for, parse, body, expected):
    content = documents.word_xml(body, NOTES, LISTS)
    assert block_lines(parse(spec_for("a.docx", content))) == expected


def test_tables_of_a_sheet_stand_under_their_titles(spec_for, parse):
    rows = [["価格表"], [], ["品名", "価格"], ["ねじ", 1200], [], ["税別である。"]]
    assert block_lines(parse(spec_for("a.xlsx", documents.workbook({"価格": rows})))) == [
        "heading1[0] 価格表",
        "価格表 > table[1] 品名 | 価格\nねじ | 1200",
        "価格表 > table[2] 税別である。",
    ]


def test_a_heading_that_never_ends_is_cut_where_it_is_repeated(spec_for, parse):
    body = (
        styled("長" * 5000, "Heading1") + styled("章", "Heading2") + p(run("一。")) + styled("次", "Heading2")
    )
    pages = parse(spec_for("a.docx", documents.word_xml(body + p(run("二。")))))
    assert [len(heading.text) for heading in pages[1].headings] == [200]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_character_is_in_a_block(spec_for, parse, path):
    for page in parse(spec_for(path.name, path.read_bytes())):
        assert set(outside(page)) <= {"#"}


def test_a_text_of_very_many_lines_is_one_block(spec_for, parse):
    (page,) = parse(spec_for("a.md", b"a\n" * 100_010))
    assert [(block.start, block.end) for block in page.blocks] == [(0, len(page.text))]
