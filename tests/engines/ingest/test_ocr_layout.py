"""Recognized lines become text in the order in which a person reads them, and blocks with their places."""

from __future__ import annotations

import numpy as np
import pytest

from workers.engines.ingest.ocr.layout import mean_confidence, page_text
from workers.engines.ingest.ocr.lines import Line, turned_back
from workers.engines.ingest.ocr.vertical import horizontal

SIZE = 10
FULL = "会社は従業員の安全と健康を守るために必要な措置を講ずる"


def line(text: str, left: float, top: float, size: float = SIZE, confidence: float = 1.0) -> Line:
    area = (left, top, left + size * len(text), top + size)
    return Line(text, confidence, area, area, size)


def column(text: str, right: float, top: float) -> Line:
    area = (right - SIZE, top, right, top + SIZE * len(text))
    return Line(text, 1.0, area, area, SIZE, is_vertical=True)


def read(*lines: Line) -> list[tuple[str, str]]:
    """Kind and text of each block."""
    shuffled = sorted(lines, key=lambda each: each.text)
    text, blocks = page_text(shuffled, 1.0, [each.shown for each in shuffled])
    return [(block.kind, text[block.start : block.end]) for block in blocks]


def lines_at(left: float, top: float, *texts: str) -> list[Line]:
    return [line(text, left, top + 16 * number) for number, text in enumerate(texts)]


LAYOUTS = {
    "a wrapped paragraph": (lines_at(0, 0, FULL, "ものとする。"), [f"{FULL}ものとする。"]),
    "paragraphs with a blank line between": (
        [*lines_at(0, 0, FULL, FULL), *lines_at(0, 60, FULL, FULL)],
        [FULL * 2, FULL * 2],
    ),
    "an indented paragraph after a full line": (
        [*lines_at(0, 0, FULL), *lines_at(10, 16, FULL[1:]), *lines_at(0, 32, FULL)],
        [FULL, FULL[1:] + FULL],
    ),
    "two columns below a title": (
        [
            line("安全衛生だよりの特集と工場からのお知らせをお送りする号", 100, 0),
            *lines_at(0, 40, FULL[:20], FULL[:20]),
            *lines_at(230, 40, FULL[5:25], FULL[5:25]),
        ],
        ["安全衛生だよりの特集と工場からのお知らせをお送りする号", FULL[:20] * 2, FULL[5:25] * 2],
    ),
    "columns and then a line across": (
        [
            *lines_at(0, 0, FULL[:20], FULL[:20]),
            *lines_at(230, 0, FULL[5:25], FULL[5:25]),
            line(FULL + FULL[:16], 0, 60),
        ],
        [FULL[:20] * 2, FULL[5:25] * 2, FULL + FULL[:16]],
    ),
    "rows of a table": (
        [*lines_at(0, 0, "品名", "ねじ", "座金"), *lines_at(150, 0, "価格", "100円", "20円")],
        ["品名 | 価格\nねじ | 100円\n座金 | 20円"],
    ),
    "pieces of one line": ([line("第1章", 0, 0), line("総則", 50, 1)], ["第1章 総則"]),
    "vertical lines from right to left": (
        [column(FULL, 300, 0), column("ものとする。", 284, 0), column("別に定める。", 250, 0)],
        [f"{FULL}ものとする。", "別に定める。"],
    ),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("lines", "texts"), LAYOUTS.values(), ids=LAYOUTS)
def test_lines_are_read_in_order(lines, texts):
    assert [text for _, text in read(*lines)] == texts


def test_larger_lines_are_headings_and_marked_ones_items():
    body = lines_at(0, 60, FULL, FULL, FULL)
    assert read(
        line("就業規則", 0, 0, 20),
        line("総則", 0, 36, 14),
        *body,
        *lines_at(0, 120, "・保護具を着ける", "・清掃する"),
    ) == [
        ("heading", "就業規則"),
        ("heading", "総則"),
        ("paragraph", FULL * 3),
        ("list_item", "・保護具を着ける"),
        ("list_item", "・清掃する"),
    ]


def test_blocks_say_where_they_stand_and_how_sure_they_are():
    first, second = line("会社は守る", 20, 40, confidence=0.5), line("別に定める。あ", 20, 90, confidence=1.0)
    text, blocks = page_text([second, first], 2.0, [(90, 20, 100, 90), first.shown])
    assert text == "会社は守る\n別に定める。あ"
    assert [block.confidence for block in blocks] == [0.5, 1.0]
    assert [tuple(block.box.model_dump().values()) for block in blocks] == [
        (10, 20, 35, 25),
        (45, 10, 50, 45),
    ]
    assert mean_confidence([first, second]) == pytest.approx((5 * 0.5 + 7) / 12, abs=1e-4)


@pytest.mark.parametrize("turns", range(4))
def test_a_place_on_a_turned_picture_is_found_on_the_page(turns):
    page = np.zeros((30, 50), np.uint8)
    page[4:9, 11:31] = 255
    turned = np.rot90(page, turns)
    rows, columns = np.nonzero(turned)
    area = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert turned_back(area, turns, turned.shape[1], turned.shape[0]) == (11, 4, 31, 9)


# -- vertical lines ---------------------------------------------------------------------------
CELL = 40


def _vertical(*cells: tuple[slice, slice]) -> np.ndarray:
    """A vertical line of squares, each with ink at its place; the first and the last are full characters."""
    full = (slice(3, 37), slice(3, 37))
    made = np.full((CELL * (len(cells) + 2), CELL), 250, np.uint8)
    for number, (rows, columns) in enumerate((full, *cells, full)):
        made[number * CELL : (number + 1) * CELL][rows, columns] = 10
    return made


def _second(made: np.ndarray) -> tuple[float, float, float, float]:
    """Of the second character of the horizontal line: the extent of its ink, as shares of its square."""
    margin = (made.shape[0] - CELL) // 2
    size = made.shape[0] - 2 * margin
    cell = made[margin:-margin, margin + size : margin + 2 * size]
    rows, columns = np.nonzero(cell < 128)
    return rows.min() / size, rows.max() / size, columns.min() / size, columns.max() / size


MOVED = {
    "a full stop": (
        (slice(4, 12), slice(28, 36)),
        lambda top, bottom, left, right: top > 0.6 and right < 0.4,
    ),
    "a long vowel": (
        (slice(4, 36), slice(18, 22)),
        lambda top, bottom, left, right: right - left > 0.6 > bottom - top,
    ),
    "an opening bracket": (
        (slice(30, 37), slice(4, 36)),
        lambda top, bottom, left, right: left > 0.5 and bottom - top > 0.6,
    ),
    "a character": (
        (slice(4, 36), slice(8, 32)),
        lambda top, bottom, left, right: bottom - top > right - left > 0.5,
    ),
    "the number one": (
        (slice(18, 22), slice(4, 36)),
        lambda top, bottom, left, right: right - left > 0.6 > bottom - top,
    ),
}


@pytest.mark.parametrize(("cell", "holds"), MOVED.values(), ids=MOVED)
def test_what_vertical_writing_turns_or_moves_is_put_back(cell, holds):
    square = (slice(3, 37), slice(3, 37))
    made = horizontal(_vertical(cell, square, square))
    assert made.shape[1] > 4 * made.shape[0] * 0.8, "characters side by side"
    assert holds(*_second(made)), _second(made)


@pytest.mark.parametrize("shape", [(2, 2), (400, 3), (3000, 40)])
def test_a_line_without_ink_stays_as_it_is(shape):
    blank = np.full(shape, 255, np.uint8)
    assert (horizontal(blank) == 255).all()
