"""A page is shown by its headings, lists, tables and notes, and nothing of its text is lost."""

from __future__ import annotations

from typing import Any

import pytest

from documents.places import Passage
from documents.structure import MOST_ROWS, Row, boxes_of, elements_of
from workers.contract.blocks import Block, Box
from workers.contract.records import Page, Table


def page(
    *lines: tuple[str, str, int | None], tables: tuple[Table, ...] = (), kind: str = "section"
) -> dict[str, Any]:
    blocks, start, table = [], 0, 0
    for text, block_kind, level in lines:
        number = table if block_kind == "table" and tables else None
        table += number is not None
        blocks.append(Block(kind=block_kind, level=level, table=number, start=start, end=start + len(text)))
        start += len(text) + 1
    read = Page(
        kind=kind, number=1, text="\n".join(text for text, _, _ in lines), tables=tables, blocks=tuple(blocks)
    )
    return read.model_dump(mode="json")


def shown(read: dict[str, Any]) -> list[tuple[str, object]]:
    def content(element) -> object:
        if element.kind == "list":
            return [(item.text, item.level) for item in element.items]
        return (element.level, element.text) if element.kind == "heading" else element.text

    return [(element.kind, content(element)) for element in elements_of(read)]


def texts(row: Row) -> list[str]:
    return [cell.text for cell in row.cells]


def test_each_kind_of_block_is_shown_as_what_it_is():
    read = page(
        ("総則", "heading", 1),
        ("目的を定める。", "paragraph", None),
        ("・ 甲", "list_item", 1),
        ("乙", "list_item", 2),
        ("注1 別表による。", "note", None),
        ("図", "picture", None),
        ("細則", "heading", 7),
    )
    assert shown(read) == [
        ("heading", (4, "総則")),
        ("paragraph", "目的を定める。"),
        ("list", [("・ 甲", 1), ("乙", 2)]),
        ("note", "注1 別表による。"),
        ("paragraph", "図"),
        ("heading", (6, "細則")),
    ]


@pytest.mark.parametrize(
    ("text", "is_marked"),
    [
        ("・ 甲", True),
        ("(1) 甲", True),
        ("1. 甲", True),
        ("ア 甲", True),
        ("甲を出す。", False),
        ("2024年度", False),
    ],
)
def test_an_item_with_a_mark_of_its_own_gets_no_other(text, is_marked):
    (element,) = elements_of(page((text, "list_item", 1)))
    assert element.items[0].has_own_mark is is_marked


def test_a_table_has_a_header_and_says_how_many_rows_are_left_out():
    rows = (("型式", "納期"), ("", ""), *((f"KP-{number}", "10日") for number in range(MOST_ROWS + 3)))
    table = Table(cells="A1:B9", rows=rows)
    (element,) = elements_of(page(("型式 | 納期", "table", None), tables=(table,), kind="sheet"))
    assert (texts(element.header), element.cells, element.left_out) == (["型式", "納期"], "A1:B9", 3)
    assert len(element.rows) == MOST_ROWS and texts(element.rows[0]) == ["KP-0", "10日"]


def test_a_table_of_one_row_has_no_header():
    (element,) = elements_of(
        page(("甲 | 乙", "table", None), tables=(Table(cells="A1:B1", rows=(("甲", "乙"),)),))
    )
    assert (element.header, [texts(row) for row in element.rows], element.cells) == (None, [["甲", "乙"]], "")


def test_text_in_no_block_is_shown_but_marks_of_markdown_are_not():
    read = page(("### 題", "paragraph", None), ("外。", "paragraph", None), ("本文。", "paragraph", None))
    blocks = read["blocks"]
    read["blocks"] = [blocks[0] | {"kind": "heading", "level": 3, "start": 4}, blocks[2]]
    assert shown(read) == [("heading", (6, "題")), ("paragraph", "外。"), ("paragraph", "本文。")]


def test_the_name_of_the_page_is_not_shown_twice():
    read = page(("総則", "heading", 1), ("目的。", "paragraph", None)) | {"label": "総則"}
    assert shown(read) == [("paragraph", "目的。")]


def test_a_page_that_an_earlier_release_read_has_none():
    assert elements_of({"kind": "page", "number": 1, "text": "本文。", "tables": []}) == []


def test_a_passage_is_marked_in_every_block_that_it_touches():
    read = page(("総則", "heading", 1), ("目的を定める。", "paragraph", None), ("乙", "list_item", 1))
    box = Box(left=10, top=20, right=110, bottom=50).model_dump()
    for block in read["blocks"]:
        block |= {"box": box, "confidence": 0.5 if block["kind"] == "list_item" else 0.99}
    passage = Passage(start=1, end=8)
    heading, paragraph, listed = elements_of(read, passage)
    assert [(piece.text, piece.is_marked) for piece in (*heading.pieces, *paragraph.pieces)] == [
        ("総", False), ("則", True), ("目的を定め", True), ("る。", False),
    ]  # fmt: skip
    assert (heading.block, paragraph.block, listed.items[0].block) == (0, 1, 2)
    assert (paragraph.confidence, listed.items[0].confidence) == (None, 0.5)
    assert [(each.width, each.height, each.is_marked, each.is_unsure) for each in boxes_of(read, passage)] == [
        (100, 30, True, False), (100, 30, True, False), (100, 30, False, True),
    ]  # fmt: skip


def test_cells_are_marked_where_the_sheet_counts_them():
    """Below a header of two rows, past an empty and a hidden row, also beyond the rows that are shown from the top."""
    rows = (
        ("型式", "納期"),
        ("KP-1", "3日"),
        ("", ""),
        *((f"KP-{n}", "9日") for n in range(2, MOST_ROWS + 40)),
    )
    table = Table(cells="B3:C600", rows=rows, header_height=2, hidden_rows=(6,))
    read = page(("型式 | 納期", "table", None), tables=(table,), kind="sheet")

    def marked(cells: str) -> list[tuple[str, str]]:
        (element,) = elements_of(read, Passage(cells=cells))
        assert element.header and (element.letters, element.header.number) == (["B", "C"], "3-4")
        return [(row.number, cell.text) for row in element.rows for cell in row.cells if cell.is_marked]

    assert marked("B5:C5") == [("5", "KP-1"), ("5", "3日")]
    assert marked("C8:C8") == [("8", "9日")]
    assert marked("B540:B540") == [("540", "KP-534")]
    assert marked("E1:E2") == []
