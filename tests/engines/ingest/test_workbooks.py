"""What a workbook does not show is told: formulas without results, hidden rows, columns and sheets."""

from __future__ import annotations

import io

import openpyxl
import pytest

from tests.engines.ingest import documents
from workers.contract.cells import rows_range
from workers.engines.ingest.reading import Output, read
from workers.engines.shared.runtime import UserError


@pytest.fixture
def look(spec_for):
    """The pages of a workbook, and its warnings."""

    def looked(book: bytes):
        pages = []
        spec = spec_for("a.xlsx", book)
        with open(spec.path, "rb") as file:
            found = read(file, spec, Output(lambda done, total: None, pages.append, lambda record: None))
        return pages, found.warnings

    return looked


def saved(book: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def sheet(*cells: str) -> str:
    return f'<sheetData><row r="1">{"".join(cells)}</row></sheetData>'


FORMULAS = {
    "no value": ('<c r="A1"><f>B2*C2</f></c>', "=B2*C2", "A1"),
    "an empty value": ('<c r="A1"><f>B2*C2</f><v></v></c>', "=B2*C2", "A1"),
    "an empty text is a result": (
        '<c r="A1" t="str"><f>IF(1,"","")</f><v></v></c><c r="B1"><v>1</v></c>',
        "1",
        "",
    ),
    "a number": ('<c r="A1"><f>1+1</f><v>2</v></c>', "2", ""),
    "a zero": ('<c r="A1"><f>1-1</f><v>0</v></c>', "0", ""),
    "a text": ('<c r="A1" t="str"><f>"a"</f><v>七営業日</v></c>', "七営業日", ""),
    "an error": ('<c r="A1" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!", ""),
    "a formula that cells share": (
        '<c r="A1"><f t="shared" ref="A1:B1" si="0">A2*2</f></c><c r="B1"><f t="shared" si="0"/></c>',
        "=A2*2 | =B2*2",
        "A1 B1",
    ),
    "an array": ('<c r="A1"><f t="array" ref="A1">SUM(B1:B3*C1:C3)</f></c>', "=SUM(B1:B3*C1:C3)", "A1"),
}


@pytest.mark.parametrize(("cells", "text", "places"), FORMULAS.values(), ids=FORMULAS)
def test_formulas(look, cells, text, places):
    pages, warnings = look(documents.book_xml(sheet(cells), name="見積"))
    named = [f"見積!{place}" for place in places.split()]
    assert pages[0].text == text
    assert warnings == ((f"formulas_without_results:{len(named)}:{', '.join(named)}",) if named else ())


def test_zeros_of_a_workbook_that_is_computed_when_it_is_opened_are_no_results(look):
    cells = '<c r="A1"><f>SUM(B1:C1)</f><v>0</v></c><c r="B1"><v>0</v></c><c r="C1"><f>1+1</f><v>2</v></c>'
    pages, warnings = look(documents.book_xml(sheet(cells), more='<calcPr fullCalcOnLoad="1"/>'))
    assert pages[0].text == "=SUM(B1:C1) | 0 | 2"
    assert warnings == ("formulas_without_results:1:表!A1",)


def test_a_warning_names_the_first_cells(look):
    book = openpyxl.Workbook()
    for row in range(1, 31):
        book.active.cell(row, 1, f"=B{row}")
    _, (warning,) = look(saved(book))
    assert warning.startswith("formulas_without_results:30:Sheet!A1, Sheet!A2, ")
    assert warning.endswith("Sheet!A20, …")


def prices() -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.active.title = "価格"
    for row in (["品名", "原価", "売価"], ["ねじ", 5, 10], ["旧型", 1, 2], ["ばね", 6, 12], ["弁", 7, 14]):
        book.active.append(row)
    return book


def test_hidden_rows_and_columns_are_left_out_and_told(look):
    book = prices()
    book.active.row_dimensions[3].hidden = True
    book.active.row_dimensions[9].hidden = True
    book.active.column_dimensions["B"].hidden = True
    book.active.column_dimensions["H"].hidden = True
    (page,), warnings = look(saved(book))
    assert page.text == "品名 | 売価\nねじ | 10\nばね | 12\n弁 | 14"
    assert warnings == ("hidden_rows_skipped:1:価格!3", "hidden_columns_skipped:1:価格!B")
    (table,) = page.tables
    assert (table.cells, table.hidden_rows) == ("A1:C5", (3,))
    assert [rows_range(table, row) for row in range(4)] == ["A1:C1", "A2:C2", "A4:C4", "A5:C5"]
    assert rows_range(table, 1, 3) == "A2:C5"


def test_hidden_rows_above_and_below_a_table(look):
    book = prices()
    for row in (1, 5):
        book.active.row_dimensions[row].hidden = True
    (page,), _ = look(saved(book))
    (table,) = page.tables
    assert (table.cells, table.hidden_rows, table.rows[0][0]) == ("A2:C4", (), "ねじ")


def test_a_merged_cell_is_shown_where_its_first_row_or_column_is_hidden(look):
    book = openpyxl.Workbook()
    for row in (["区分", "", "型式"], ["水中", "", "KP-210"], ["", "", "KP-220"], ["", "", "KP-230"]):
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    book.active.merge_cells("A2:B4")
    book.active.row_dimensions[2].hidden = True
    book.active.column_dimensions["A"].hidden = True
    (page,), _ = look(saved(book))
    assert page.text == "区分 | 型式\n水中 | KP-220\n水中 | KP-230"


def test_names_of_columns_are_one_line(look):
    book = openpyxl.Workbook()
    book.active.append(["品名", "単価\n(税抜)", "Unit\nprice"])
    book.active.append(["ねじ", "10\n(参考)", 12])
    (page,), _ = look(saved(book))
    assert page.tables[0].rows == (("品名", "単価(税抜)", "Unit price"), ("ねじ", "10\n(参考)", "12"))


HEADERS = {
    "names beside and below empty cells": (
        [["型式", "価格", "", "納期"], ["", "国内", "輸出", ""], ["KP-1", "98", "109", "7日"]],
        ["型式 | 価格 国内 | 価格 輸出 | 納期", "KP-1 | 98 | 109 | 7日"],
    ),
    "a row of numbers": (
        [["型式", "価格", "", "納期"], ["", "98", "109", ""], ["KP-1", "97", "108", "7日"]],
        ["型式 | 価格 | | 納期", "98 | 109", "KP-1 | 97 | 108 | 7日"],
    ),
    "a row below every name": (
        [["型式", "価格", "", "納期"], ["KP-0", "別途", "別途", ""], ["KP-1", "97", "108", "7日"]],
        ["型式 | 価格 | | 納期", "KP-0 | 別途 | 別途", "KP-1 | 97 | 108 | 7日"],
    ),
    "no wide name": (
        [["質問", "回答"], ["", "続き"], ["いつ", "七日"]],
        ["質問 | 回答", "続き", "いつ | 七日"],
    ),
}


@pytest.mark.parametrize(("rows", "lines"), HEADERS.values(), ids=HEADERS)
def test_headers_over_two_rows(spec_for, parse, rows, lines):
    (page,) = parse(spec_for("a.xlsx", documents.workbook({"表": rows})))
    assert page.text.split("\n") == lines
    csv = "\n".join(",".join(row) for row in rows)
    assert parse(spec_for("a.csv", csv.encode()))[0].text == page.text


DAMAGED = {
    "a row outside of the sheet": '<sheetData><row r="9999999"><c r="A9999999"><v>1</v></c></row></sheetData>',
    "a column outside of the sheet": sheet('<c r="ZZZ1"><v>1</v></c>'),
    "a text that is not there": sheet('<c r="A1" t="s"><v>5</v></c>'),
    "no number": sheet('<c r="A1"><v>一</v></c>'),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_sheets_are_refused(look, content):
    with pytest.raises(UserError, match="workbook cannot be read"):
        look(documents.book_xml(content))


def test_readings_of_kanji_are_no_text(look):
    cell = '<c r="A1" t="inlineStr"><is><r><t>稟議</t></r><r><t>書</t></r><rPh sb="0" eb="2"><t>リンギ</t></rPh></is></c>'
    assert look(documents.book_xml(sheet(cell)))[0][0].text == "稟議書"
