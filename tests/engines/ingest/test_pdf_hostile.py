"""PDFs that were made to break a reader: their text comes out, or an error with its code, and in bounded time."""

from __future__ import annotations

import time

import pytest

from tests.engines.ingest.hostile_makers import changed
from tests.engines.ingest.pdf_files import pdf_of, shown
from workers.engines.shared.runtime import UserError

TEXT = "この規程は、出張について定める。"

PAGE = pdf_of((shown(TEXT, 50, 700), []))
ODD = {
    "a page without a size": changed(PAGE, (r"/MediaBox \[0 0 595 842\]", "/MediaBox [0 0 0 0]")),
    "text far away": pdf_of((shown(TEXT, 50, 700) + shown("遠い", 1e30, 1e30) + shown("x", -1e9, 50), [])),
    "numbers that are none": pdf_of((shown(TEXT, 50, 700) + "BT /F1 nan Tf inf -inf Td <3042> Tj ET\n", [])),
    "huge type": pdf_of((shown(TEXT, 50, 700) + shown("大", 0, -1e6, size=1e7), [])),
    "rules without end": pdf_of(
        (
            shown(TEXT, 50, 700)
            + "".join(f"-1e30 {y} m 1e30 {y} l {y} -1e30 m {y} 1e30 l S\n" for y in range(0, 800, 40)),
            [],
        )
    ),
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_odd_files_keep_their_text(spec_for, parse, content):
    try:
        pages = parse(spec_for("a.pdf", content))
    except UserError as error:
        assert error.code == "user.damaged_file"
        return
    assert TEXT in pages[0].text
    for page in pages:
        for block in page.blocks:
            assert 0 <= block.box.left <= block.box.right <= page.width
            assert 0 <= block.box.top <= block.box.bottom <= page.height


LINES = 60_000
CROWDS = {
    "lines of text": "".join(
        f"BT /F1 1 Tf {n % 290 * 2} {n // 290 * 4} Td <3042> Tj ET\n" for n in range(LINES)
    ),
    "rules": shown(TEXT, 50, 700) + "".join(f"{n % 500} 0 m {n % 500} 800 l S\n" for n in range(LINES)),
    "rules that cross": shown(TEXT, 50, 700)
    + "".join(
        f"{n * 0.7:.1f} 0 m {n * 0.7:.1f} 800 l S 0 {n * 0.9:.1f} m 590 {n * 0.9:.1f} l S\n"
        for n in range(800)
    ),
    "fragments in rows": "".join(shown("あ", n % 40 * 14, n // 40 * 7, size=5) for n in range(4800)),
}


@pytest.mark.parametrize("content", CROWDS.values(), ids=CROWDS)
def test_a_crowded_page_takes_seconds_at_most(spec_for, parse, content):
    started = time.process_time()
    (page,) = parse(spec_for("a.pdf", pdf_of((content, []))))
    assert page.text
    assert time.process_time() - started < 10
