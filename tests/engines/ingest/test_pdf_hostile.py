"""PDFs that were made to break a reader: their text comes out, or an error with its code, and in bounded time."""

from __future__ import annotations

import re
import time

import pytest

from tests.engines.ingest.pdf_files import pdf_of, shown
from workers.engines.shared.runtime import UserError

TEXT = "この規程は、出張について定める。"
OUTLINES = (
    "90 0 obj\n<< /Type /Outlines /First 91 0 R /Last 91 0 R /Count 1 >>\nendobj\n"
    "91 0 obj\n<< /Title (A) /Parent 90 0 R /Next 91 0 R /First 91 0 R /Last 91 0 R /Dest [6 0 R /Fit] >>\nendobj\n"
)


def rebuilt(pdf: bytes, *changes: tuple[str, str]) -> bytes:
    """With other text in it; its table of objects no longer fits, which a reader mends."""
    for old, new in changes:
        changed = re.sub(old.encode(), lambda _: new.encode(), pdf)  # noqa: B023
        assert changed != pdf, old
        pdf = changed
    return pdf


PAGE = pdf_of((shown(TEXT, 50, 700), []))
ODD = {
    "an outline that leads back to itself": rebuilt(
        PAGE, ("/Type /Catalog", "/Type /Catalog /Outlines 90 0 R"), (r"xref\n0 ", f"{OUTLINES}xref\n0 ")
    ),
    "a page tree that leads back to itself": rebuilt(PAGE, (r"/Count 1 /Kids \[", "/Count 2 /Kids [2 0 R ")),
    "a page that is a million points wide": rebuilt(
        PAGE, (r"/MediaBox \[0 0 595 842\]", "/MediaBox [0 0 1e30 1e30]")
    ),
    "a page without a size": rebuilt(PAGE, (r"/MediaBox \[0 0 595 842\]", "/MediaBox [0 0 0 0]")),
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


def test_a_document_of_too_many_pages_is_refused_at_once(spec_for, parse):
    content = rebuilt(PAGE, (r"/Count 1 /Kids \[[^]]*\]", f"/Count 50000 /Kids [{'5 0 R ' * 50_000}]"))
    with pytest.raises(UserError, match="50000 pages") as raised:
        parse(spec_for("a.pdf", content))
    assert raised.value.code == "user.too_many_pages"


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
