"""How long PDF pages take to read, compared with pypdfium2's raw text of the same pages.

Run: `python -m tests.benchmarks.pdf_reading [--pages 40] [--repeat 5]`

The raw side opens the file and takes the text of each page as the file holds it. Kosha's side does all that the parser
does before a page is written: order, tables, blocks, headings. Each side reads the same files in turn, and its fastest
time counts. Exits with 1 where a limit is exceeded.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable

import pypdfium2

from tests.benchmarks.machine import machine
from tests.engines.ingest.pdf_drawings import Draw, Sheet, drawn, grid
from workers.engines.ingest.parsers.pdf import PdfDocument, _open

PLAIN_LIMIT, TABLE_LIMIT = 1.5, 5.0
SENTENCE = "当社の第{}号設備は、薬液を少しずつ正確に注入するための機器であり、浄水場の消毒や冷却塔の薬注に広く用いられ、毎月点検される。"


def prose(number: int) -> Draw:
    """A full page of one column: 35 lines of 40 characters."""

    def draw(sheet: Sheet) -> None:
        sheet.line(f"第{number}章 設備の管理", 60, 60, 14)
        for paragraph in range(7):
            text = "".join(SENTENCE.format(number * 10 + paragraph + part) for part in range(3))
            sheet.column(text[:200], 60, 90 + 100 * paragraph, 40)

    return draw


def columns(number: int) -> Draw:
    def draw(sheet: Sheet) -> None:
        sheet.line(f"第{number}章 設備の管理", 60, 60, 14)
        for left in (60, 310):
            for paragraph in range(5):
                text = "".join(SENTENCE.format(number * 10 + paragraph + part) for part in range(3))
                sheet.column(text[:160], left, 90 + 140 * paragraph, 20)

    return draw


def table(number: int) -> Draw:
    """Half a page of text and a ruled table of 20 rows and five columns."""
    rows = [["型式", "口径", "吐出量", "電動機", "単価"]]
    rows += [
        [f"AVP-{number}{row:02}", "65 mm", f"{300 + row} L/min", "3.7 kW", f"{row},500円"]
        for row in range(19)
    ]

    def draw(sheet: Sheet) -> None:
        text = "".join(SENTENCE.format(number * 10 + part) for part in range(8))
        sheet.column(text[:480], 60, 60, 40)
        sheet.table(grid(rows), [60, 160, 240, 330, 420, 520], [300 + 20 * row for row in range(21)])

    return draw


KINDS: dict[str, tuple[Callable[[int], Draw], float]] = {
    "one column": (prose, PLAIN_LIMIT),
    "two columns": (columns, PLAIN_LIMIT),
    "a ruled table": (table, TABLE_LIMIT),
}


def raw(content: bytes) -> int:
    with pypdfium2.PdfDocument(content) as document:
        return sum(len(page.get_textpage().get_text_bounded()) for page in document)


def read(content: bytes) -> int:
    document = PdfDocument(_open(io.BytesIO(content)))
    return sum(len(page.text) for page in document.finish(list(document.pages)))


def seconds(work: Callable[[bytes], int], content: bytes) -> float:
    started = time.process_time()
    assert work(content) > 0
    return time.process_time() - started


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print(f"{options.pages} pages of each kind; {machine()}\n")
    print("| pages | raw text, ms a page | Kosha, ms a page | ratio | limit |\n|---|---:|---:|---:|---:|")
    is_within = True
    for name, (draw, limit) in KINDS.items():
        content = drawn(*map(draw, range(options.pages)))
        times = [(seconds(raw, content), seconds(read, content)) for _ in range(options.repeat)]
        plain, ours = (1000 * min(side) / options.pages for side in zip(*times, strict=True))
        is_within &= ours <= limit * plain
        print(f"| {name} | {plain:.2f} | {ours:.2f} | {ours / plain:.2f}× | {limit:g}× |")
    return 0 if is_within else 1


if __name__ == "__main__":
    sys.exit(main())
