"""The text of a merged cell counts for every row and column that it covers, in sheets, Word, slides and HTML."""

from __future__ import annotations

import io

import openpyxl
import pytest

from tests.engines.ingest import documents
from workers.contract.cells import rows_range
from workers.contract.records import Table
from workers.engines.ingest.parsers.tables import Merge, spanned

SHEETS = {
    "over rows": (
        [["区分", "型式"], ["水中", "KP-210"], ["", "KP-220"], ["渦巻", "KP-110"]],
        ["A2:A3"],
        "区分 | 型式\n水中 | KP-210\n水中 | KP-220\n渦巻 | KP-110",
    ),
    "over rows at the right edge": (
        [["型式", "納期"], ["KP-210", "7日"], ["KP-220"]],
        ["B2:B3"],
        "型式 | 納期\nKP-210 | 7日\nKP-220 | 7日",
    ),
    "a header of two rows": (
        [["区分", "価格", "", "納期"], ["", "国内", "輸出", ""], ["水中", 98, 109, "7日"]],
        ["A1:A2", "B1:C1", "D1:D2"],
        "区分 | 価格 国内 | 価格 輸出 | 納期\n水中 | 98 | 109 | 7日",
    ),
    "a header of three rows": (
        [
            ["型式", "価格", "", "", ""],
            ["", "国内", "", "輸出", ""],
            ["", "税抜", "税込", "FOB", "CIF"],
            ["KP-1", 1, 2, 3, 4],
        ],
        ["A1:A3", "B1:E1", "B2:C2", "D2:E2"],
        "型式 | 価格 国内 税抜 | 価格 国内 税込 | 価格 輸出 FOB | 価格 輸出 CIF\nKP-1 | 1 | 2 | 3 | 4",
    ),
    "years below a name that reaches over both": (
        [["型式", "売上", ""], ["", 2024, 2025], ["KP-1", 10, 20]],
        ["A1:A2", "B1:C1"],
        "型式 | 売上 2024 | 売上 2025\nKP-1 | 10 | 20",
    ),
    "names in the second row, only the first over several": (
        [["", "価格", ""], ["型式", "国内", "輸出"], ["KP-1", 10, 20]],
        ["B1:C1"],
        "型式 | 価格 国内 | 価格 輸出\nKP-1 | 10 | 20",
    ),
    "a wide name without narrower ones": (
        [["品名", "価格", ""], ["ねじ", 120, "円"], ["ばね", 80, "円"]],
        ["B1:C1"],
        "品名 | 価格\nねじ | 120 | 円\nばね | 80 | 円",
    ),
    "a value for two columns": (
        [["型式", "国内", "輸出"], ["KP-1", "受注生産", ""], ["KP-2", 98, 109]],
        ["B2:C2"],
        "型式 | 国内 | 輸出\nKP-1 | 受注生産 | 受注生産\nKP-2 | 98 | 109",
    ),
    "a value for two rows and two columns": (
        [["型式", "国内", "輸出"], ["KP-1", "廃番", ""], ["KP-2", "", ""], ["KP-3", 98, 109]],
        ["B2:C3"],
        "型式 | 国内 | 輸出\nKP-1 | 廃番 | 廃番\nKP-2 | 廃番 | 廃番\nKP-3 | 98 | 109",
    ),
    "a title over the table is said once": (
        [["価格表", "", ""], ["型式", "国内", "輸出"], ["KP-1", 98, 109]],
        ["A1:C1"],
        "価格表\n\n型式 | 国内 | 輸出\nKP-1 | 98 | 109",
    ),
    "a title over two rows, and a note": (
        [["価格表", ""], ["", ""], ["型式", "価格"], ["KP-1", 98], ["税抜", ""]],
        ["A1:B2", "A5:B5"],
        "価格表\n\n型式 | 価格\nKP-1 | 98\n税抜",
    ),
    "squared paper: every cell over several columns": (
        [["質問", "", "", "回答", "", ""], ["いつ?", "", "", "明日。", "", ""]],
        ["A1:C1", "D1:F1", "A2:C2", "D2:F2"],
        "質問 | 回答\nいつ? | 明日。",
    ),
    "every row over two rows of the sheet": (
        [["型式", "価格"], ["", ""], ["KP-1", 98], ["", ""], ["KP-2", 109], ["", ""]],
        ["A1:A2", "B1:B2", "A3:A4", "B3:B4", "A5:A6", "B5:B6"],
        "型式 | 価格\nKP-1 | 98\nKP-2 | 109",
    ),
    "a form of fields of different widths": (
        [["氏名", "", "佐藤"], ["所在地", "", "", "大阪"], ["備考", "なし"]],
        ["A1:B1", "A2:C2"],
        "氏名 | | 佐藤\n所在地 | | | 大阪\n備考 | なし",
    ),
    "a merged cell without text": ([["甲", "乙"], ["", "丙"]], ["A2:A5"], "甲 | 乙\n丙"),
    "text hidden under a merged cell stays": ([["甲", "乙"], ["丙", "丁"]], ["A1:B1"], "甲 | 乙\n丙 | 丁"),
}


def workbook(rows: list[list[object]], merges: list[str]) -> bytes:
    """Merged after the cells are written: openpyxl would empty those below a merge."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append([None if value == "" else value for value in row])
    sheet.merged_cells.ranges = {openpyxl.worksheet.merge.MergedCellRange(sheet, each) for each in merges}
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(("rows", "merges", "expected"), SHEETS.values(), ids=SHEETS)
def test_a_sheet(spec_for, parse, rows, merges, expected):
    assert parse(spec_for("a.xlsx", workbook(rows, merges)))[0].text == expected


HTML = {
    "over rows": (
        "<tr><th>区分<th>型式<tr><td rowspan=2>水中<td>KP-210<tr><td>KP-220",
        "区分 | 型式\n水中 | KP-210\n水中 | KP-220",
    ),
    "to the last row": (
        "<tr><th>区分<th>型式<tr><td rowspan=0>水中<td>KP-210<tr><td>KP-220<tr><td>KP-230",
        "区分 | 型式\n水中 | KP-210\n水中 | KP-220\n水中 | KP-230",
    ),
    "a header of two rows": (
        "<tr><th rowspan=2>型式<th colspan=2>価格<tr><th>国内<th>輸出<tr><td>KP-1<td>98<td>109",
        "型式 | 価格 国内 | 価格 輸出\nKP-1 | 98 | 109",
    ),
    "no numbers": ("<tr><td colspan='x' rowspan='-1'>甲<td colspan=''>乙", "甲 | 乙"),
    "far too many": ("<tr><td colspan=99999999>甲<tr><td rowspan=99999999>乙", "甲\n乙"),
    "ruby and deletions in a cell": (
        "<tr><td><ruby>稟議<rp>(</rp><rt>りんぎ</rt><rp>)</rp></ruby>書<td><del>2,000円</del><ins>2,500円</ins>",
        "稟議書 | 2,500円",
    ),
}


@pytest.mark.parametrize(("rows", "expected"), HTML.values(), ids=HTML)
def test_a_table_of_a_web_page(spec_for, parse, rows, expected):
    page = f"<!doctype html><body><table>{rows}</table></body>"
    assert parse(spec_for("a.html", page.encode()))[0].text == expected


def test_ruby_and_deletions_in_the_text_of_a_web_page(spec_for, parse):
    ruby = "<ruby><ruby>捺<rt>なつ</rt></ruby><ruby>印<rt>いん</rt></ruby><rt>なついん</rt></ruby>"
    page = f"<!doctype html><body><h1>{ruby}の手続</h1><p>{ruby}欄は<del>任意</del><ins>必須</ins>である。"
    assert parse(spec_for("a.html", page.encode()))[0].text == "捺印の手続\n捺印欄は必須である。"


def test_a_table_on_a_slide(spec_for, parse):
    def cell(text: str, spans: str = "") -> str:
        return f"<a:tc {spans}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"

    across, down = 'gridSpan="2"', 'rowSpan="2"'
    rows = [
        [cell("型式", down), cell("価格", across), cell("", 'hMerge="1"')],
        [cell("", 'vMerge="1"'), cell("国内"), cell("輸出")],
        [cell("KP-1", down), cell("98"), cell("109")],
        [cell("", 'vMerge="1"'), cell("97"), cell("108")],
    ]
    table = "".join(f"<a:tr>{''.join(row)}</a:tr>" for row in rows)
    slide = documents.slides(["価格表"], after=f"<a:tbl>{table}</a:tbl>")
    lines = parse(spec_for("a.pptx", slide))[0].text.split("\n")
    assert lines[-3:] == ["型式 | 価格 国内 | 価格 輸出", "KP-1 | 98 | 109", "KP-1 | 97 | 108"]


def test_rows_keep_their_place_below_a_header_of_two_rows(spec_for, parse):
    rows, _, _ = SHEETS["a header of two rows"]
    (table,) = parse(spec_for("a.xlsx", workbook([[], [], *rows], ["A3:A4", "B3:C3", "D3:D4"])))[0].tables
    assert (table.cells, table.header_height, len(table.rows)) == ("A3:D5", 2, 2)
    assert (rows_range(table, 0), rows_range(table, 1), rows_range(table, 0, 1)) == (
        "A3:D4",
        "A5:D5",
        "A3:D5",
    )
    assert Table.model_validate_json('{"cells": "A1:A1", "rows": [["甲"]]}').header_height == 1


def test_cells_that_reach_down_push_those_of_the_next_row_aside():
    rows, merges = spanned([[("a", 1, 2), ("b", 2, 1)], [("c", 1, 1), ("d", 1, 1)]])
    assert rows == [["a", "b", ""], ["", "c", "d"]]
    assert merges[:2] == [Merge(0, 0, 1, 0), Merge(0, 1, 0, 2)]


@pytest.mark.parametrize("encoding", ["cp932", "utf-8"])
def test_half_width_kana_are_composed(spec_for, parse, encoding):
    text = "ｺｰﾄﾞ,ﾋﾝﾒｲ\nKP-220,ｽｲﾁｭｳﾎﾟﾝﾌﾟ\n"
    assert (
        parse(spec_for("a.csv", text.encode(encoding)))[0].text
        == "コード | ヒンメイ\nKP-220 | スイチュウポンプ"
    )
