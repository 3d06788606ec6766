"""Units keep headings with what follows them, tables with the names of their columns, and symbols that mean something."""

from __future__ import annotations

import pytest

from tests.engines.curation.documents import sentence, sheet, texts_of
from workers.contract.blocks import Block
from workers.contract.records import Page, Table
from workers.contract.specs.curation import Recipe
from workers.contract.specs.curation_steps import NoiseStep, NormalizeStep, SegmentStep, SplitStep
from workers.engines.shared.text import row_text

SIGNS = [["機能", "甲", "乙"], *[[f"項目{n}", "○○○○", "×××××"] for n in range(6)]]


def page(*pieces: tuple[str, str] | list[list[str]], kind: str = "section") -> Page:
    """A text with its kind, or the rows of a table."""
    texts, blocks, tables, start = [], [], [], 0
    for piece in pieces:
        if isinstance(piece, list):
            text, block_kind, number = "\n".join(map(row_text, piece)), "table", len(tables)
            tables.append(Table(cells="A1:B9", rows=piece))
        else:
            (text, block_kind), number = piece, None
        texts.append(text)
        blocks.append(Block(kind=block_kind, table=number, start=start, end=start + len(text)))
        start += len(text) + 1
    return Page(kind=kind, number=1, text="\n".join(texts), tables=tuple(tables), blocks=tuple(blocks))


def segmented(longest: int, *more: object, shortest: int = 1) -> Recipe:
    step = SegmentStep(max_characters=longest, min_characters=shortest)
    return Recipe(steps=(*more, step, NoiseStep(), SplitStep()))


ROWS = [["型式", "納期"], *[[f"KP-{n}", f"{n}営業日"] for n in range(100, 120)]]


def test_a_heading_stays_with_what_follows_it(source, curated):
    read = page(
        (sentence(1), "paragraph"),
        ("第二の話", "heading"),
        ("その細目", "heading"),
        (sentence(2), "paragraph"),
    )
    _, records, _ = curated(source("a", [read]), recipe=segmented(50, shortest=50))
    assert texts_of(records) == [sentence(1), f"第二の話\nその細目\n{sentence(2)}"]


def test_a_line_that_is_no_heading_stays_where_it_fits(source, curated):
    read = page((sentence(1), "paragraph"), ("第二の話", "paragraph"), (sentence(2), "paragraph"))
    _, records, _ = curated(source("a", [read]), recipe=segmented(50, shortest=50))
    assert texts_of(records) == [f"{sentence(1)}\n第二の話", sentence(2)]


@pytest.mark.parametrize("kind", ["section", "slide", "page"])
def test_every_piece_of_a_table_has_the_names_of_its_columns(source, curated, kind):
    read = page(("納期は次のとおりとする。", "paragraph"), ROWS, ("以上。", "paragraph"), kind=kind)
    _, records, _ = curated(source("a", [read]), recipe=segmented(80))
    first, *pieces = texts_of(records)
    assert first == "納期は次のとおりとする。" and len(pieces) > 3
    assert all(text.startswith("型式 | 納期\nKP-") and len(text) <= 80 for text in pieces)
    kept = [line for text in pieces for line in text.split("\n")]
    assert [line for line in kept if line.startswith("KP-")] == [row_text(tuple(row)) for row in ROWS[1:]]


def test_symbols_of_tables_and_lists_are_content_and_others_noise(source, curated):
    marks = "・ ○○○○××××△△△△"
    read = [page(SIGNS), page((marks, "list_item")), page(("○○○○××××△△△△■■■■", "paragraph"))]
    numbered = [each.model_copy(update={"number": n}) for n, each in enumerate(read, 1)]
    _, records, dropped = curated(source("a", numbered), source("b", sheet(SIGNS)), recipe=segmented(400))
    table = "\n".join(row_text(tuple(row)) for row in SIGNS)
    assert texts_of(records) == [table, marks, table]
    assert [(entry["reason"], entry["origin"]["source"]["number"]) for entry in dropped] == [("symbols", 3)]


def test_steps_that_change_the_text_before_it_is_cut_do_no_harm(source, curated):
    read = page(("見出し", "heading"), (sentence(3), "paragraph"), ROWS)
    _, records, _ = curated(source("a", [read]), recipe=segmented(80, NormalizeStep()))
    assert texts_of(records)[0] == f"見出し\n{sentence(3)}"
    assert sum(text.count("営業日") for text in texts_of(records)) == len(ROWS) - 1
