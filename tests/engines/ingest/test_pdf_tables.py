"""What is set as a table in a PDF is read as one, and what only looks like one is not."""

from __future__ import annotations

import itertools

import pytest

from tests.engines.ingest.pdf_drawings import HEIGHT, Sheet, drawn, grid
from workers.engines.ingest.parsers.tables import table_text

ROWS = [["型式", "口径", "単価"], ["AVP-320", "65 mm", "128,000円"], ["AMP-750", "50 mm", "348,000円"]]
XS, YS = [60, 200, 300, 420], [100, 120, 140, 160]
BEFORE, AFTER = "価格は次の表のとおりとする。", "消費税は別に申し受ける。"
PLAIN = [tuple(row) for row in ROWS]


def framed(sheet: Sheet) -> None:
    sheet.table(grid(ROWS), XS, YS)


def texts(sheet: Sheet) -> None:
    for row, y in zip(ROWS, YS, strict=False):
        for text, x in zip(row, XS, strict=False):
            sheet.line(text, x + 4, y + 13, 9)


def open_sides(sheet: Sheet) -> None:
    texts(sheet)
    for y in YS:
        sheet.rule(60, y, 420, y)
    for x in XS[1:-1]:
        sheet.rule(x, 100, x, 160)


def thin_areas(sheet: Sheet) -> None:
    texts(sheet)
    for y in YS:
        sheet.canvas.rect(60, HEIGHT - y, 360, 0.6, stroke=0, fill=1)
    for x in XS:
        sheet.canvas.rect(x, HEIGHT - 160, 0.6, 60, stroke=0, fill=1)


def coloured(sheet: Sheet) -> None:
    for top, bottom, shade in zip(YS, YS[1:], (0.7, 0.9, 0.8), strict=False):
        for left, right in itertools.pairwise(XS):
            sheet.canvas.setFillGray(shade)
            sheet.canvas.rect(left, HEIGHT - bottom, right - left, bottom - top, stroke=0, fill=1)
    sheet.canvas.setFillGray(0)
    texts(sheet)


def one_path(sheet: Sheet) -> None:
    texts(sheet)
    path = sheet.canvas.beginPath()
    for y in YS:
        path.moveTo(60, HEIGHT - y)
        path.lineTo(420, HEIGHT - y)
    for x in XS:
        path.moveTo(x, HEIGHT - 100)
        path.lineTo(x, HEIGHT - 160)
    sheet.canvas.drawPath(path)


def one_string_for_each_row(sheet: Sheet) -> None:
    sheet.table(grid([[""] * 3] * 3), XS, YS)
    for (name, width, price), y in zip(ROWS, YS, strict=False):
        blanks = (
            " " * (round((204 - 64 - 9 * _ems(name)) / 2.4)),
            " " * round((304 - 204 - 9 * _ems(width)) / 2.4),
        )
        sheet.line(name + blanks[0] + width + blanks[1] + price, 64, y + 13, 9)


def _ems(text: str) -> float:
    return sum(0.5 if letter.isascii() else 1.0 for letter in text)


def without_rules(sheet: Sheet) -> None:
    texts(sheet)


def turned(sheet: Sheet) -> None:
    sheet.turned(90, 0, HEIGHT, framed)


WORDS = [
    ["症状", "原因", "処置"],
    ["起動しない", "欠相", "端子を調べる"],
    ["水が上がらない", "呼び水不足", "継手を締める"],
]


def with_a_space_between(sheet: Sheet) -> None:
    texts(sheet)
    for row, y in enumerate(YS[:-1]):
        for x, width in ((60, 100), (200, 100), (300, 120)):
            sheet.canvas.rect(x, HEIGHT - YS[row + 1], width, YS[row + 1] - y)


RULES = {
    "boxes with a space between": with_a_space_between,
    "cells with frames": framed,
    "open at the sides": open_sides,
    "rules that are thin areas": thin_areas,
    "coloured cells without rules": coloured,
    "all rules in one path": one_path,
    "no rules, but aligned and with numbers": without_rules,
    "set turned on the page": turned,
}


@pytest.mark.parametrize("draw", RULES.values(), ids=RULES)
def test_however_its_rules_are_drawn_a_table_is_one(spec_for, parse, draw):
    (page,) = parse(spec_for("a.pdf", drawn(draw)))
    assert [table.rows for table in page.tables] == [tuple(PLAIN)]
    assert page.text == table_text(page.tables[0])


def test_a_table_stands_between_the_paragraphs_around_it(spec_for, parse):
    def draw(sheet: Sheet) -> None:
        sheet.line(AFTER, 60, 190)
        framed(sheet)
        sheet.line(BEFORE, 60, 80)

    (page,) = parse(spec_for("a.pdf", drawn(draw)))
    assert page.text == f"{BEFORE}\n{table_text(page.tables[0])}\n{AFTER}"
    table = page.blocks[1]
    assert [block.kind for block in page.blocks] == ["paragraph", "table", "paragraph"]
    assert (table.table, page.text[table.start : table.end]) == (0, table_text(page.tables[0]))
    place = (table.box.left, table.box.top, table.box.right, table.box.bottom)
    assert place == pytest.approx((60, 100, 420, 160), abs=1)


def test_rules_make_a_table_of_words(spec_for, parse):
    def draw(sheet: Sheet) -> None:
        for row, y in zip(WORDS, YS, strict=False):
            for text, x in zip(row, XS, strict=False):
                sheet.line(text, x + 4, y + 13, 9)
        for y in YS:
            sheet.rule(60, y, 420, y)

    (page,) = parse(spec_for("a.pdf", drawn(draw)))
    assert [table.rows for table in page.tables] == [tuple(map(tuple, WORDS))]


MERGED = {
    "a name over two columns, and one over two rows": (
        [(0, 0, 1, 0, "型式"), (0, 1, 0, 2, "標準価格"), (1, 1, 1, 1, "国内"), (1, 2, 1, 2, "輸出"),
         (2, 0, 2, 0, "AVP-320"), (2, 1, 2, 1, "128,000円"), (2, 2, 2, 2, "151,000円")],
        [("型式", "標準価格 国内", "標準価格 輸出"), ("AVP-320", "128,000円", "151,000円")],
    ),
    "a cell over two rows counts for both": (
        [(0, 0, 0, 0, "区分"), (0, 1, 0, 1, "型式"), (0, 2, 0, 2, "単価"), (1, 0, 2, 0, "渦巻"),
         (1, 1, 1, 1, "AVP-320"), (1, 2, 1, 2, "128,000円"), (2, 1, 2, 1, "AVP-400"), (2, 2, 2, 2, "156,000円")],
        [("区分", "型式", "単価"), ("渦巻", "AVP-320", "128,000円"), ("渦巻", "AVP-400", "156,000円")],
    ),
    "lines that the width of the cell divides, and others": (
        [*grid([["項目", "内容", "備考"], ["電源", "三相200 Vの電源に接続\nすることができる", "要\n工事"], ["質量", "68 kg", ""]])],
        [("項目", "内容", "備考"), ("電源", "三相200 Vの電源に接続することができる", "要\n工事"), ("質量", "68 kg", "")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "expected"), MERGED.values(), ids=MERGED)
def test_cells(spec_for, parse, cells, expected):
    draw = lambda sheet: sheet.table(cells, [60, 160, 260, 360], [100, 130, 160, 190])  # noqa: E731
    (page,) = parse(spec_for("a.pdf", drawn(draw)))
    assert [list(table.rows) for table in page.tables] == [expected]


def test_a_text_that_runs_over_several_cells_is_cut_at_their_rules(spec_for, parse):
    (page,) = parse(spec_for("a.pdf", drawn(one_string_for_each_row)))
    assert [table.rows for table in page.tables] == [tuple(PLAIN)]


def test_a_vertical_name_of_rows(spec_for, parse):
    def draw(sheet: Sheet) -> None:
        cells = [(0, 0, 2, 0, ""), *(cell for cell in grid([["", *row] for row in ROWS]) if cell[1])]
        sheet.table(cells, [30, *XS], YS)
        sheet.vertical("製品一覧", 45, 105)

    (page,) = parse(spec_for("a.pdf", drawn(draw)))
    assert [table.rows for table in page.tables] == [tuple(("製品一覧", *row) for row in ROWS)]


def test_two_tables_and_a_table_within_a_column(spec_for, parse):
    prose = "据付けの場所は、直射日光の当たらない屋内とし、点検のために前面に四十センチ以上の空間を確保する。床は水平に仕上げておくこと。"

    def two(sheet: Sheet) -> None:
        sheet.table(grid(ROWS), XS, [y + 100 for y in YS])
        sheet.table(grid(ROWS[:2]), XS, YS[:3])

    def within(sheet: Sheet) -> None:
        sheet.column(prose, 60, 80, 20)
        sheet.column(prose, 310, 80, 20)
        sheet.table(grid([["型式", "単価"], ["AVP-320", "128,000円"]]), [60, 150, 260], [180, 200, 220])
        sheet.column(prose, 60, 240, 20)
        sheet.column(prose, 310, 160, 20)

    first, second = parse(spec_for("a.pdf", drawn(two, within)))
    assert [table.rows for table in first.tables] == [tuple(PLAIN[:2]), tuple(PLAIN)]
    assert second.text.split("\n") == [prose, "型式 | 単価", "AVP-320 | 128,000円", prose, prose, prose]


def contents(sheet: Sheet) -> None:
    for number, name in enumerate(["就業規則", "賃金規程", "旅費規程", "文書管理規程"]):
        sheet.line(f"{name} ........", 60, 100 + 18 * number)
        sheet.line(str(7 * number + 1), 400, 100 + 18 * number)


def boxed(sheet: Sheet) -> None:
    sheet.table(
        [(0, 0, 0, 0, "ご注意\n分解の前に電源を切ること。"), (1, 0, 1, 0, "お問い合わせは営業所へ。")],
        [60, 400],
        [100, 140, 170],
    )


def stamps(sheet: Sheet) -> None:
    sheet.table(grid([["承認", "審査", "作成"], ["", "", ""]]), [300, 360, 420, 480], [40, 55, 100])


def chart(sheet: Sheet) -> None:
    for step in range(6):
        sheet.rule(100, 100 + 20 * step, 400, 100 + 20 * step)
        sheet.rule(100 + 60 * step, 100, 100 + 60 * step, 200)
        sheet.line(str(100 - 20 * step), 70, 103 + 20 * step, 8)
        sheet.line(f"{step + 4}月", 95 + 60 * step, 215, 8)


def underlined(sheet: Sheet) -> None:
    for number, text in enumerate([BEFORE, AFTER]):
        sheet.line(text, 60, 100 + 20 * number)
        sheet.rule(60, 103 + 20 * number, 300, 103 + 20 * number)


def between_rules(sheet: Sheet) -> None:
    for top in (100, 160, 220):
        sheet.rule(60, top, 520, top)
    for top in (115, 175):
        sheet.column((BEFORE + AFTER) * 2, 64, top, 20)
        sheet.column((AFTER + BEFORE) * 2, 310, top, 20)


@pytest.mark.parametrize("draw", [contents, between_rules, boxed, stamps, chart, underlined])
def test_what_is_no_table(spec_for, parse, draw):
    assert not parse(spec_for("a.pdf", drawn(draw)))[0].tables
