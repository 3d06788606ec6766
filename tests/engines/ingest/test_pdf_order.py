"""The text of a PDF page is read in the order in which a person reads it."""

from __future__ import annotations

from itertools import zip_longest

import pytest

from tests.engines.ingest.pdf_drawings import HEIGHT, WIDTH, Sheet, drawn, wrapped

LEFT = "当社の定量ポンプは、薬液を少しずつ正確に注入するための機器であり、浄水場の消毒や冷却塔の薬注に広く用いられている。点検は毎月行う。"
MIDDLE = "据付けの場所は、直射日光の当たらない屋内とし、点検のために前面に四十センチ以上の空間を確保する。床は水平に仕上げておくこと。"
RIGHT = "保証の期間は、お買い上げの日から一年とする。ただし、消耗品および誤った使い方による故障は、保証の対象に含まれないので注意する。"
TITLE = "製品のご案内および据付けの要点と保証について(お客様控え)"
LAST = "この案内は、予告なく改めることがある。最新の版は営業所へ請求する。"
NOTE = ["注 部品表は", "別紙を見る。"]


def two_columns(sheet: Sheet) -> None:
    sheet.line(TITLE, 60, 80, 16)
    sheet.column(LEFT, 60, 120, 21)
    sheet.column(RIGHT, 310, 120, 21)


def by_rows(sheet: Sheet) -> None:
    sheet.line(TITLE, 60, 80, 16)
    pairs = zip_longest(wrapped(LEFT, 21), wrapped(RIGHT, 21), fillvalue="")
    for number, (left, right) in enumerate(pairs):
        sheet.line(left, 60, 120 + 16 * number)
        sheet.line(right, 310, 120 + 16 * number)


def shifted(sheet: Sheet) -> None:
    sheet.line(TITLE, 60, 80, 16)
    sheet.column(LEFT, 60, 120, 21)
    sheet.column(RIGHT, 310, 128, 21)


def three_columns(sheet: Sheet) -> None:
    sheet.column(RIGHT, 410, 120, 14)
    sheet.column(MIDDLE, 235, 120, 14)
    sheet.column(LEFT, 60, 120, 14)
    sheet.line(TITLE, 60, 80, 16)


def heading_across(sheet: Sheet) -> None:
    two_columns(sheet)
    sheet.line(TITLE[::-1], 60, 220, 16)
    sheet.column(MIDDLE, 60, 260, 21)
    sheet.column(LEFT, 310, 260, 21)
    sheet.column(LAST, 60, 360, 46)


def with_footer(sheet: Sheet) -> None:
    sheet.line("葦辺流機工業株式会社", 60, 30, 8)
    sheet.line("第4版", 480, 30, 8)
    two_columns(sheet)
    sheet.line("- 12 -", 285, 810, 8)


def side_notes(sheet: Sheet) -> None:
    sheet.column(LEFT + MIDDLE, 60, 120, 32)
    sheet.lines(NOTE, 430, 136, 7)


ORDERS = {
    "two columns below a heading": (two_columns, [TITLE, LEFT, RIGHT]),
    "two columns that the file holds row by row": (by_rows, [TITLE, LEFT, RIGHT]),
    "columns whose lines are not at one height": (shifted, [TITLE, LEFT, RIGHT]),
    "three columns": (three_columns, [TITLE, LEFT, MIDDLE, RIGHT]),
    "a heading across columns": (heading_across, [TITLE, LEFT, RIGHT, TITLE[::-1], MIDDLE, LEFT, LAST]),
    "header and footer": (with_footer, ["葦辺流機工業株式会社 第4版", TITLE, LEFT, RIGHT, "- 12 -"]),
    "notes beside the text": (side_notes, [LEFT + MIDDLE, "".join(NOTE)]),
}


@pytest.mark.parametrize(("draw", "expected"), ORDERS.values(), ids=ORDERS)
def test_columns_are_read_one_after_the_other(spec_for, parse, draw, expected):
    (page,) = parse(spec_for("a.pdf", drawn(draw)))
    assert page.text.replace(" ", "").split("\n") == [text.replace(" ", "") for text in expected]


LIST = ["・軸受の油を調べる", "・弁を閉じる", "・電源を切る", "・札を掛ける"]
OTHER = ["・手袋を着ける", "・眼鏡を掛ける", "・耳栓を着ける", "・靴を替える"]
PARTIES = [("甲", "葦辺流機工業株式会社"), ("乙", "株式会社みなと商会"), ("保証人", "港 太郎")]


def test_lists_side_by_side_are_columns_and_short_fields_are_rows(spec_for, parse):
    def lists(sheet: Sheet) -> None:
        sheet.lines(OTHER, 310, 100)
        sheet.lines(LIST, 60, 100)

    def fields(sheet: Sheet) -> None:
        for number, (name, value) in enumerate(PARTIES):
            sheet.line(name, 60, 100 + 20 * number)
            sheet.line(value, 160, 100 + 20 * number)

    first, second = parse(spec_for("a.pdf", drawn(lists, fields)))
    assert first.text.split("\n") == [*LIST, *OTHER]
    assert second.text.split("\n") == [f"{name} {value}" for name, value in PARTIES]


SENTENCE = "縦に書かれた文章は右の行から左の行へと読み進めるものであり行の途中で折り返される。"
SECOND = "二段に組まれた紙面では上の段を終えてから下の段の右端へ移って読むことになっている。"


def vertical_block(sheet: Sheet, text: str, top: float, characters: int = 15) -> None:
    lines = wrapped(text, characters)
    for number, line in reversed(list(enumerate(lines))):
        sheet.vertical(line, 500 - 18 * number, top)


def one_tier(sheet: Sheet) -> None:
    vertical_block(sheet, SENTENCE, 100)


def two_tiers(sheet: Sheet) -> None:
    vertical_block(sheet, SECOND, 300)
    vertical_block(sheet, SENTENCE, 100)


def titled(sheet: Sheet) -> None:
    sheet.line("- 3 -", 290, 800, 8)
    vertical_block(sheet, SENTENCE, 100)
    sheet.line("社内報 第十二号", 60, 50, 14)


def letter_by_letter(sheet: Sheet) -> None:
    for number, line in enumerate(wrapped(SENTENCE, 15)):
        for place, letter in enumerate(line):
            sheet.vertical(letter, 500 - 18 * number, 100 + 10 * place)


def among_horizontal(sheet: Sheet) -> None:
    sheet.column(LEFT, 60, 100, 30)
    sheet.column(RIGHT, 60, 400, 30)
    vertical_block(sheet, SENTENCE, 200)


VERTICAL = {
    "lines from right to left": (one_tier, [SENTENCE]),
    "two tiers": (two_tiers, [SENTENCE, SECOND]),
    "a horizontal title and a page number": (titled, ["社内報 第十二号", SENTENCE, "- 3 -"]),
    "each letter on its own": (letter_by_letter, [SENTENCE]),
    "vertical lines among horizontal ones": (among_horizontal, [LEFT, SENTENCE, RIGHT]),
}


@pytest.mark.parametrize(("draw", "expected"), VERTICAL.values(), ids=VERTICAL)
def test_vertical_writing(spec_for, parse, draw, expected):
    (page,) = parse(spec_for("a.pdf", drawn(draw)))
    assert page.text.split("\n") == expected


def turned_page(degrees: int):
    """Drawn so that it is upright on a page with that /Rotate."""
    place = {0: (0, 0), 90: (0, HEIGHT), 180: (WIDTH, HEIGHT), 270: (WIDTH, 0)}[degrees]
    return lambda sheet: sheet.turned(degrees, *place, two_columns)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotated_pages(spec_for, parse, rotation):
    (page,) = parse(spec_for("a.pdf", drawn(turned_page(rotation), rotation=rotation)))
    assert page.text.split("\n") == [TITLE, LEFT, RIGHT]
    shown = (WIDTH, HEIGHT) if rotation % 180 == 0 else (HEIGHT, WIDTH)
    assert (page.width, page.height) == shown
    title, left, right = (block.box for block in page.blocks)
    assert (round(title.left), round(left.left), round(right.left)) == (60, 60, 310)
    assert title.bottom < left.top < 130
    assert abs(left.top - right.top) < 0.1


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_text_that_is_drawn_turned(spec_for, parse, degrees):
    (page,) = parse(spec_for("a.pdf", drawn(turned_page(degrees))))
    assert page.text.split("\n") == [TITLE, LEFT, RIGHT]


def test_marks_across_the_page_and_at_its_side_come_last(spec_for, parse):
    def marked(sheet: Sheet) -> None:
        sheet.turned(45, 150, 600, lambda turned: turned.line("複写禁止", 0, 0, 60))
        sheet.turned(90, 30, 500, lambda turned: turned.line("管理番号 第017号", 0, 0, 8))
        two_columns(sheet)

    (page,) = parse(spec_for("a.pdf", drawn(marked)))
    assert page.text.split("\n") == [TITLE, LEFT, RIGHT, "管理番号 第017号", "複写禁止"]
