"""A PDF page says which characters of its text are headings, paragraphs, list items, tables and notes, and where."""

from __future__ import annotations

import pytest

from tests.engines.ingest.pdf_drawings import Sheet, drawn, grid
from tests.engines.ingest.pdf_files import annotation, hexadecimal, pdf_of, shown

PURPOSE = "この規程は、従業員が業務のために国内または海外へ出張するときの手続きと旅費の額について必要な事項を定めるものである。"
PAY = "旅費は、交通費、宿泊費および日当とし、次の各号に掲げるところによる。"
ITEMS = [
    "・交通費は、実費とする。",
    "・宿泊費は、地域により異なる。",
    "・東京都区部は、上限を高くする。",
    "・日当は、定額とする。",
]
PRICES = [["区分", "日当"], ["役員", "4,800円"], ["社員", "2,400円"]]


def regulation(sheet: Sheet) -> None:
    sheet.line("旅費規程", 60, 60, 16)
    sheet.line("第1章 総則", 60, 90, 12)
    sheet.line("第1条(目的)", 60, 115)
    sheet.column(PURPOSE, 60, 135, 40)
    sheet.line("第2条(旅費の種類)", 60, 185)
    sheet.line(PAY, 60, 205)
    for number, item in enumerate(ITEMS):
        sheet.line(item, 72 + 12 * (number == 2), 225 + 16 * number)


def second_page(sheet: Sheet) -> None:
    sheet.table(grid(PRICES), [60, 160, 260], [60, 80, 100, 120])
    sheet.line("第2章 雑則", 60, 150, 12)
    sheet.line("この規程の改廃は、取締役会の決議による。", 60, 175)


def blocks(page) -> list[tuple]:
    return [(block.kind, block.level, page.text[block.start : block.end]) for block in page.blocks]


FIRST = [
    ("heading", 1, "旅費規程"),
    ("heading", 2, "第1章 総則"),
    ("heading", 3, "第1条(目的)"),
    ("paragraph", None, PURPOSE),
    ("heading", 3, "第2条(旅費の種類)"),
    ("paragraph", None, PAY),
    ("list_item", 1, ITEMS[0]),
    ("list_item", 1, ITEMS[1]),
    ("list_item", 2, ITEMS[2]),
    ("list_item", 1, ITEMS[3]),
]


def test_headings_by_their_type_and_number(spec_for, parse):
    first, second = parse(spec_for("a.pdf", drawn(regulation, second_page)))
    assert blocks(first) == FIRST
    assert [heading.text for heading in second.headings] == ["旅費規程", "第1章 総則", "第2条(旅費の種類)"]
    assert [kind for kind, _, _ in blocks(second)] == ["table", "heading", "paragraph"]
    assert [[heading.text for heading in path] for _, _, path in second.placed_blocks()] == [
        ["旅費規程", "第1章 総則", "第2条(旅費の種類)"],
        ["旅費規程"],
        ["旅費規程", "第2章 雑則"],
    ]


def test_bookmarks_say_which_lines_are_headings_and_their_level(spec_for, parse):
    outline = [(0, "旅費規程", 0), (0, "総則", 1), (0, "旅費の種類とその額について", 1), (1, "ない行", 1)]

    def draw(sheet: Sheet) -> None:
        sheet.line("1", 500, 40)
        sheet.line("旅費規程", 60, 60)
        sheet.line("1. 総則", 60, 80)
        sheet.line(PAY, 60, 100)
        sheet.line("旅費の種類と", 60, 120)
        sheet.line("その額について", 60, 136)
        sheet.line("大きな文字", 60, 170, 20)

    first, _ = parse(spec_for("a.pdf", drawn(draw, second_page, outline=outline)))
    assert blocks(first) == [
        ("paragraph", None, "1"),
        ("heading", 1, "旅費規程"),
        ("heading", 2, "1. 総則"),
        ("paragraph", None, PAY),
        ("heading", 2, "旅費の種類とその額について"),
        ("paragraph", None, "大きな文字"),
    ]


def test_a_block_has_its_place_on_the_page(spec_for, parse):
    (page,) = parse(spec_for("a.pdf", drawn(regulation)))
    assert (page.width, page.height) == (595, 842)
    title, purpose = page.blocks[0].box, page.blocks[3].box
    assert (title.left, title.right) == pytest.approx((60, 60 + 4 * 16), abs=1)
    assert (title.top, title.bottom) == pytest.approx((60 - 14, 60 + 3), abs=1.5)
    assert (purpose.left, purpose.right) == pytest.approx((60, 460), abs=1)
    assert (purpose.top, purpose.bottom) == pytest.approx((135 - 9, 151 + 2), abs=1.5)


def test_marks_of_lists_in_fonts_of_symbols(spec_for, parse):
    content = (
        shown("弁を閉じてから電源を切る\u3000", 60, 700)
        + shown("\uf0b7弁を閉じる", 60, 680)
        + shown("\uf0b7電源を切る", 60, 660)
    )
    (page,) = parse(spec_for("a.pdf", pdf_of((content, []))))
    assert blocks(page)[1:] == [("list_item", 1, "弁を閉じる"), ("list_item", 1, "電源を切る")]


def test_notes_are_blocks_of_their_own(spec_for, parse):
    added = annotation("FreeText", (400, 695, 420, 713), f"/Contents {hexadecimal('税込か確認')}")
    (page,) = parse(spec_for("a.pdf", pdf_of((shown("金額", 60, 700) + shown(PAY, 60, 600), [added]))))
    assert blocks(page) == [
        ("paragraph", None, "金額"),
        ("note", None, "【注釈: 税込か確認】"),
        ("paragraph", None, PAY),
    ]
    box = page.blocks[1].box
    assert (box.left, box.top, box.right, box.bottom) == (400, 842 - 713, 420, 842 - 695)


def test_notes_beside_the_text_are_notes(spec_for, parse):
    def draw(sheet: Sheet) -> None:
        sheet.column(PURPOSE + PAY, 60, 120, 30)
        sheet.lines(["注 別表を", "参照する。"], 430, 136, 7)

    (page,) = parse(spec_for("a.pdf", drawn(draw)))
    assert blocks(page) == [("paragraph", None, PURPOSE + PAY), ("note", None, "注 別表を参照する。")]


SENTENCES = (
    "この案内は予告なく改めることがあるので最新の版を営業所へ請求していただきたい旨を申し添える次第である"
)
JOINED = {
    "from column to column": (
        lambda sheet: (
            sheet.column(SENTENCES[:24], 60, 100, 12),
            sheet.column(SENTENCES[24:], 310, 100, 12),
        ),
        [SENTENCES],
    ),
    "words that a hyphen divides": (
        lambda sheet: sheet.lines(
            [
                "The pump is started by the operator on duty, after the valve has been checked and the manip-",
                "ulation of the handle was confirmed.",
            ],
            60,
            100,
            10,
        ),
        [
            "The pump is started by the operator on duty, after the valve has been checked and the manipulation "
            "of the handle was confirmed."
        ],
    ),
    "not a small line below a large one": (
        lambda sheet: (
            sheet.line("お客様へのご案内と安全について", 60, 100, 14),
            sheet.line(PAY[:-1], 60, 125, 9),
        ),
        ["お客様へのご案内と安全について", PAY[:-1]],
    ),
    "not fields of a form": (
        lambda sheet: [
            sheet.line(text, x, 100 + 20 * row)
            for row, pair in enumerate(
                [("申請部署の名称", "設備保全課第二係"), ("申請者の氏名等", "港 太郎(内線三四)")]
            )
            for text, x in zip(pair, (60, 200), strict=True)
        ],
        ["申請部署の名称 設備保全課第二係", "申請者の氏名等 港 太郎(内線三四)"],
    ),
}


@pytest.mark.parametrize(("draw", "expected"), JOINED.values(), ids=JOINED)
def test_lines_that_the_width_divides_are_joined(spec_for, parse, draw, expected):
    (page,) = parse(spec_for("a.pdf", drawn(draw)))
    assert page.text.split("\n") == expected
    assert [page.text[block.start : block.end] for block in page.blocks] == expected
