"""Values are shown as a Japanese Excel shows them."""

from __future__ import annotations

import pytest

from tests.engines.ingest import documents
from workers.engines.ingest.parsers.excel_formats import shown_number, shown_text

ACCOUNTING = r'_ "¥"* #,##0_ ;_ "¥"* \-#,##0_ ;_ "¥"* "-"_ ;_ @_ '
SIZES = '[>=100]"大";[<10]"小";0'
GANNEN = '[$-ja-JP-x-gannen]ggge"年"m"月"d"日"'

SHOWN = [
    (1234567, "#,##0", "1,234,567"),
    (-1234.5, "#,##0", "-1,235"),
    (999.995, "#,##0.00", "1,000.00"),
    (0, "#,##0", "0"),
    (0, "#,###", ""),
    (5, "#,##0", "5"),
    (31, "#,##0", "31"),
    (310, "#,##0", "310"),
    (1000, "#,##0", "1,000"),
    (31, "#,##0.00", "31.00"),
    (12, "000-0000", "000-0012"),
    (-0.3, "0", "0"),
    (1e20, "#,##0", "100,000,000,000,000,000,000"),
    (1.5, "0.00", "1.50"),
    (2.5, "0.##", "2.5"),
    (7, "000", "007"),
    (5000001, "000-0000", "500-0001"),
    (9012345678, "000-0000-0000", "090-1234-5678"),
    (0.255, "0%", "26%"),
    (0.2555, "0.0%", "25.6%"),
    (12000, r'"¥"#,##0;[Red]"¥"\-#,##0', "¥12,000"),
    (-12000, r'"¥"#,##0;[Red]"¥"\-#,##0', "¥-12,000"),
    (12000, "[$¥-411]#,##0", "¥12,000"),
    (1200, "$#,##0.00", "$1,200.00"),
    (12000, '#,##0"円"', "12,000円"),
    (12000, "#,##0円", "12,000円"),
    (1234, ACCOUNTING, "¥1,234"),
    (0, ACCOUNTING, "¥-"),
    (-1200, "#,##0_);(#,##0)", "(1,200)"),
    (-5, '0;"△ "0', "△ 5"),
    (-5, "#,##0;▲#,##0", "▲5"),
    (1234567, '#,##0,"千円"', "1,235千円"),
    (1234567890, '0.0,,"百万円"', "1234.6百万円"),
    (0, "0;-0;;@", ""),
    (5, ";;;", ""),
    (3, 'General"個"', "3個"),
    (0.1, "General", "0.1"),
    (12345, "0.00E+00", "1.23E+04"),
    (0.00012, "0.0E+0", "1.2E-4"),
    (150, SIZES, "大"),
    (5, SIZES, "小"),
    (50, SIZES, "50"),
    (45383, "yyyy/m/d", "2024/4/1"),
    (45383, "yyyy-mm-dd", "2024-04-01"),
    (45383, 'ggge"年"m"月"d"日"', "令和6年4月1日"),
    (43585, 'ggge"年"m"月"d"日"', "平成31年4月30日"),
    (43586, 'ggge"年"m"月"d"日"', "令和1年5月1日"),
    (43586, GANNEN, "令和元年5月1日"),
    (20000, "[$-411]ge.m.d;@", "S29.10.3"),
    (44562, "gge/mm/dd", "令4/01/01"),
    (45383, 'm"月"d"日"(aaa)', "4月1日(月)"),
    (45383, "yyyy年m月d日 aaaa", "2024年4月1日 月曜日"),
    (45383, "d-mmm-yy", "1-Apr-24"),
    (45383, '[DBNum1][$-411]ggge"年"m"月"d"日"', "令和6年4月1日"),
    (45383.395833333336, "yyyy/m/d h:mm:ss", "2024/4/1 9:30:00"),
    (0.5625, "h:mm", "13:30"),
    (0.5625, "h:mm AM/PM", "1:30 PM"),
    (0.5625, "[$-411]AM/PM h:mm", "午後 1:30"),
    (0.75, 'h"時"mm"分"', "18時00分"),
    (0.7499999, "h:mm", "17:59"),
    (1.5, "[h]:mm", "36:00"),
    (1.5, "[mm]", "2160"),
    (0.00001157407, "mm:ss.0", "00:01.0"),
    (59, "yyyy/m/d", "1900/2/28"),
    (61, "yyyy/m/d", "1900/3/1"),
]


@pytest.mark.parametrize(("value", "code", "expected"), SHOWN)
def test_numbers_and_dates(value, code, expected):
    assert shown_number(value, code) == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [(0.5, "# ?/?"), (5, "xyz"), (-1, "yyyy/m/d"), (3e6, "yyyy/m/d"), (1, 'b"年"')],
)
def test_what_is_not_known_is_not_shown(value, code):
    assert shown_number(value, code) is None


def test_other_count_of_days():
    assert shown_number(43921, "yyyy/m/d", is_1904=True) == "2024/4/1"


@pytest.mark.parametrize(
    ("code", "expected"),
    [('@"様"', "山田様"), ("General", "山田"), ("0;-0;;@", "山田"), ("yyyy/m/d", "山田")],
)
def test_texts(code, expected):
    assert shown_text("山田", code) == expected


BUILT_IN = [
    (5, 12000, "¥12,000"),
    (14, 45383, "2024/4/1"),
    (22, 45383.5, "2024/4/1 12:00"),
    (27, 45383, "R6.4.1"),
    (28, 45383, "令和6年4月1日"),
    (31, 45383, "2024年4月1日"),
    (32, 0.5, "12時00分"),
    (36, 45383, "R6.4.1"),
    (42, 0, "¥-"),
    (55, 45383, "2024年4月"),
    (56, 45383, "4月1日"),
]


def test_formats_that_a_workbook_does_not_write_out(spec_for, parse):
    cells = "".join(
        f'<row r="{row}"><c r="A{row}" s="{row - 1}"><v>{value}</v></c></row>'
        for row, (_, value, _) in enumerate(BUILT_IN, 1)
    )
    book = documents.book_xml(
        f"<sheetData>{cells}</sheetData>", formats=[(number, "") for number, _, _ in BUILT_IN]
    )
    assert parse(spec_for("a.xlsx", book))[0].text.split("\n") == [shown for _, _, shown in BUILT_IN]


def test_a_built_in_number_with_a_code_of_its_own(spec_for, parse):
    cells = '<row r="1"><c r="A1" s="0"><v>12000</v></c></row><row r="2"><c r="A2" s="1"><v>0.5</v></c></row>'
    book = documents.book_xml(f"<sheetData>{cells}</sheetData>", formats=[(5, '"$"#,##0'), (164, "# ?/?")])
    assert parse(spec_for("a.xlsx", book))[0].text.split("\n") == ["$12,000", "0.5"]


def test_a_workbook_that_counts_days_from_1904(spec_for, parse):
    cells = '<sheetData><row r="1"><c r="A1"><v>43921</v></c></row></sheetData>'
    workbook = documents.book_xml(cells, formats=[(14, "")])
    dated = documents.book_xml(cells, formats=[(14, "")], first='<workbookPr date1904="1"/>')
    assert [parse(spec_for("a.xlsx", book))[0].text for book in (workbook, dated)] == [
        "2020/3/31",
        "2024/4/1",
    ]
