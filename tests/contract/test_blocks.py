"""Blocks are ranges of a page's text, under its headings, and stay so when personal data are masked."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workers.contract.blocks import Block, Box, Heading
from workers.contract.personal_data import PageFinds, PersonalSpan, masked_blocks, masked_page
from workers.contract.records import Page, Table

TEXT = "第1章 総則\n目的を定める。\n第1節 定義\n用語は次による。\n第2章 勤務\n勤務は8時間とする。"


def _page(*kinds: tuple[str, int | None], text: str = TEXT, headings: tuple[Heading, ...] = ()) -> Page:
    blocks, start = [], 0
    for (kind, level), line in zip(kinds, text.split("\n"), strict=True):
        blocks.append(Block(kind=kind, level=level, start=start, end=start + len(line)))
        start += len(line) + 1
    return Page(kind="page", number=1, text=text, headings=headings, blocks=tuple(blocks))


CHAPTERS = (
    ("heading", 2),
    ("paragraph", None),
    ("heading", 3),
    ("paragraph", None),
    ("heading", 2),
    ("paragraph", None),
)


def test_a_block_stands_under_the_headings_before_it():
    page = _page(*CHAPTERS, headings=(Heading(level=1, text="就業規則"),))
    paths = [" > ".join(heading.text for heading in path) for _, _, path in page.placed_blocks()]
    assert paths == [
        "就業規則",
        "就業規則 > 第1章 総則",
        "就業規則 > 第1章 総則",
        "就業規則 > 第1章 総則 > 第1節 定義",
        "就業規則",
        "就業規則 > 第2章 勤務",
    ]
    assert [text for _, text, _ in page.placed_blocks()] == TEXT.split("\n")


def _block(start: int, end: int, table: int | None = None) -> Block:
    return Block(kind="paragraph", start=start, end=end, table=table)


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param((_block(0, 4), _block(3, 5)), id="overlapping"),
        pytest.param((_block(3, 5), _block(0, 3)), id="in another order"),
        pytest.param((_block(3, 6),), id="beyond the text"),
        pytest.param((_block(0, 5, table=1),), id="of a table that is not there"),
    ],
)
def test_blocks_that_do_not_fit_their_page_are_refused(blocks):
    tables = (Table(cells="A1:A1", rows=(("a",),)),)
    with pytest.raises(ValidationError):
        Page(kind="page", number=1, text="12345", tables=tables, blocks=blocks)


def test_a_box_ends_below_and_to_the_right_of_where_it_begins():
    with pytest.raises(ValidationError):
        Box(left=10, top=0, right=9, bottom=5)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([], ["abcd", "efgh", "ij"], id="nothing to mask"),
        pytest.param([(1, 3)], ["a〔氏名〕d", "efgh", "ij"], id="in one block"),
        pytest.param([(3, 5)], ["abc〔氏名〕", "fgh", "ij"], id="across two blocks"),
        pytest.param([(3, 9)], ["abc〔氏名〕", "j"], id="over a whole block"),
        pytest.param([(0, 4), (4, 8), (8, 10)], ["〔氏名〕"] * 3, id="each whole"),
    ],
)
def test_blocks_are_those_of_the_masked_text(spans, expected):
    blocks = [_block(0, 4), _block(4, 8), _block(8, 10)]
    finds = PageFinds()
    finds.text += [PersonalSpan(kind="name", start=start, end=end) for start, end in spans]
    page = masked_page(Page(kind="page", number=1, text="abcdefghij", blocks=tuple(blocks)), finds)
    assert [page.text[block.start : block.end] for block in page.blocks] == expected
    assert list(masked_blocks(blocks, finds.text)) == list(page.blocks)
