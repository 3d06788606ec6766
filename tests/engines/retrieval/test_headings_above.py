"""Pages with blocks are cut between them, and each passage is searched with the headings that it stands under."""

from __future__ import annotations

import sqlite3

import pytest

from workers.contract.blocks import Block, Heading
from workers.contract.personal_data import PageFinds, PersonalSpan
from workers.contract.records import Page, Source, Table
from workers.contract.specs.retrieval import Chunking, RetrievalSource
from workers.engines.retrieval.chunking import LONGEST_PATH, passages_of
from workers.engines.shared.index.passages import Passage, PassageStore, write_passages

SOURCE = RetrievalSource(
    document_id="d", revision_id="r", document_name="規程.pdf", pages_path="unused", groups=("everyone",)
)
CHUNKING = Chunking(max_characters=60, overlap=10)
TABLE = Table(cells="A1:B3", rows=(("型式", "納期"), ("KP-110", "10日"), ("KP-120", "12日")))


def page(*lines: str | tuple[str, str, int | None], headings: tuple[Heading, ...] = ()) -> Page:
    """A line alone is a paragraph; else its kind and level are stated."""
    blocks, texts, start = [], [], 0
    for line in lines:
        text, kind, level = (line, "paragraph", None) if isinstance(line, str) else line
        table = 0 if kind == "table" else None
        blocks.append(Block(kind=kind, level=level, table=table, start=start, end=start + len(text)))
        texts.append(text)
        start += len(text) + 1
    tables = (TABLE,) if any(block.kind == "table" for block in blocks) else ()
    return Page(
        kind="section",
        number=1,
        text="\n".join(texts),
        blocks=tuple(blocks),
        headings=headings,
        tables=tables,
    )


def found(read: Page, chunking: Chunking = CHUNKING) -> list[tuple[str, str]]:
    return [(passage.above, passage.text) for passage in passages_of(SOURCE, [read], chunking)]


A, B = "用語は次のとおりとする。" * 3, "勤務は八時間とする。" * 3
CASES = {
    "each heading begins a passage": (
        page(("総則", "heading", 2), "目的を定める。", ("定義", "heading", 3), "用語を定める。"),
        [("", "総則\n目的を定める。"), ("総則", "定義\n用語を定める。")],
    ),
    "a heading stays with the one below it": (
        page(("総則", "heading", 2), ("定義", "heading", 3), "用語を定める。"),
        [("", "総則\n定義\n用語を定める。")],
    ),
    "the headings above the page count": (
        page("続き。", ("定義", "heading", 3), "用語。", headings=(Heading(level=1, text="就業規則"),)),
        [("就業規則", "続き。"), ("就業規則", "定義\n用語。")],
    ),
    "a long section is cut between its blocks": (
        page(("定義", "heading", 2), A, B),
        [("", f"定義\n{A}"), ("定義", B)],
    ),
    "the pieces of a long article have its head": (
        page(("総則", "heading", 2), "第2条(定義)\n" + A, B),
        [("", "総則"), ("総則", f"第2条(定義)\n{A}"), ("総則", f"第2条(定義)\n{B}")],
    ),
    "an article without its text on the line is a heading of its text": (
        page(("総則", "heading", 2), ("第2条(定義)", "heading", 5), A, B),
        [("", "総則"), ("総則", f"第2条(定義)\n{A}"), ("総則", f"第2条(定義)\n{B}")],
    ),
    "rows of a table stand under its heading": (
        page(("納期", "heading", 2), ("型式 | 納期\nKP-110 | 10日\nKP-120 | 12日", "table", None)),
        [
            ("納期", "型式: KP-110\n納期: 10日"),
            ("納期", "型式: KP-120\n納期: 12日"),
            ("", "納期\n型式 | 納期\nKP-110 | 10日\nKP-120 | 12日"),
        ],
    ),
}


@pytest.mark.parametrize(("read", "expected"), CASES.values(), ids=CASES)
def test_passages_and_the_headings_above_them(read, expected):
    assert found(read) == expected


def test_every_piece_of_a_long_table_repeats_the_names_of_its_columns():
    lines = ["型式 | 納期", *(f"KP-{number} | {number}日" for number in range(100, 120))]
    pieces = [text for _, text in found(page(("\n".join(lines), "table", None)))][2:]
    assert len(pieces) > 3 and all(text.startswith("型式 | 納期\nKP-") for text in pieces)
    assert [line for text in pieces for line in text.split("\n")[1:]] == lines[1:]


def test_a_page_without_blocks_is_cut_as_before():
    read = page(("総則", "heading", 2), A, B)
    plain = read.model_copy(update={"blocks": (), "headings": ()})
    assert {above for above, _ in found(plain)} == {""}
    assert "".join(text for _, text in found(plain)).startswith("総則\n用語")


def test_ids_do_not_depend_on_the_headings_above():
    source = Source(document_id="d", revision_id="r", document_name="n", kind="page", number=1)
    under, alone = (Passage("本文。", source, ("a",), (), above) for above in ("総則", ""))
    assert under.id == alone.id and under.digest != alone.digest


def test_of_many_headings_the_nearest_count():
    path = tuple(Heading(level=level, text=f"{level}" * 100) for level in range(1, 5))
    ((above, _),) = found(page("本文。", headings=path))
    assert above == "4" * 100 and len(above) <= LONGEST_PATH


def test_personal_data_in_a_heading_are_spans_of_the_passage_that_shows_it():
    read, finds = page(("山川太郎", "heading", 2), "担当は山川である。"), PageFinds()
    finds.text = [
        PersonalSpan(kind="name", start=0, end=4),
        PersonalSpan(kind="name", start=8, end=10),
    ]
    (passage,) = passages_of(SOURCE, [read], CHUNKING, {1: finds})
    assert [(span.start, span.end) for span in passage.personal_data or ()] == [(0, 4), (8, 10)]


def test_an_index_of_an_earlier_release_has_no_headings_above(tmp_path):
    passages = passages_of(SOURCE, [page("本文。")], CHUNKING)
    write_passages(tmp_path, passages)
    connection = sqlite3.connect(tmp_path / "passages.sqlite")
    connection.execute("ALTER TABLE passage DROP COLUMN above")
    connection.commit()
    connection.close()
    store = PassageStore(tmp_path)
    assert [passage for _, passage in store.read([0])] == passages
    store.close()


def test_what_is_stored_is_what_was_embedded(tmp_path):
    passages = passages_of(
        SOURCE, [page(("総則", "heading", 2), "一。", ("定義", "heading", 3), "二。")], CHUNKING
    )
    write_passages(tmp_path, passages)
    store = PassageStore(tmp_path)
    assert [passage.searched for _, passage in store.read([0, 1])] == ["総則\n一。", "総則\n定義\n二。"]
    store.close()
