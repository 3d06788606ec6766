"""Draws PDF pages as offices lay them out: columns, vertical lines, tables with and without rules."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import CIDFont, UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

FONT, VERTICAL = "HeiseiKakuGo-W5", "HeiseiMin-W3-UniJIS-UCS2-V"
WIDTH, HEIGHT = 595, 842
Draw = Callable[["Sheet"], None]
Cell = tuple[int, int, int, int, str]
"""First row and column, last row and column, text."""


class Sheet:
    """A page under the pen; coordinates are from its top left corner, in points."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    def line(self, text: str, x: float, y: float, size: float = 10) -> None:
        self.canvas.setFont(FONT, size)
        self.canvas.drawString(x, HEIGHT - y, text)

    def lines(self, lines: Sequence[str], x: float, y: float, size: float = 10, pitch: float = 1.6) -> None:
        for number, text in enumerate(lines):
            self.line(text, x, y + number * pitch * size, size)

    def column(self, text: str, x: float, y: float, characters: int, size: float = 10) -> None:
        """The text as lines of so many characters."""
        self.lines(wrapped(text, characters), x, y, size)

    def vertical(self, text: str, x: float, y: float, size: float = 10) -> None:
        """One vertical line; `x` is its middle."""
        self.canvas.setFont(VERTICAL, size)
        written = self.canvas.beginText(x, HEIGHT - y)
        written.setFont(VERTICAL, size)
        written._code.append(f"<{text.encode('utf-16-be').hex()}> Tj")
        self.canvas.drawText(written)

    def turned(self, degrees: float, x: float, y: float, draw: Draw) -> None:
        """What `draw` draws, turned around a place; there the page's top left corner is."""
        self.canvas.saveState()
        self.canvas.translate(x, HEIGHT - y)
        self.canvas.rotate(degrees)
        self.canvas.translate(0, -HEIGHT)
        draw(self)
        self.canvas.restoreState()

    def rule(self, x: float, y: float, to_x: float, to_y: float) -> None:
        self.canvas.line(x, HEIGHT - y, to_x, HEIGHT - to_y)

    def table(self, cells: Sequence[Cell], xs: Sequence[float], ys: Sequence[float], size: float = 9) -> None:
        """Each cell with the rules around it and its text, line by line."""
        for top, left, bottom, right, text in cells:
            x, y, end_x, end_y = xs[left], ys[top], xs[right + 1], ys[bottom + 1]
            self.canvas.rect(x, HEIGHT - end_y, end_x - x, end_y - y)
            self.lines(text.split("\n"), x + 4, y + 1.3 * size, size, pitch=1.3)


def wrapped(text: str, characters: int) -> list[str]:
    return [text[start : start + characters] for start in range(0, len(text), characters)]


def grid(rows: Sequence[Sequence[str]]) -> list[Cell]:
    return [(r, c, r, c, text) for r, row in enumerate(rows) for c, text in enumerate(row)]


def drawn(*pages: Draw, rotation: int = 0, outline: Sequence[tuple[int, str, int]] = ()) -> bytes:
    """Each page as it is drawn; `outline` has the page from 0, the title and the level from 0."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    pdfmetrics.registerFont(CIDFont("HeiseiMin-W3", "UniJIS-UCS2-V"))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(WIDTH, HEIGHT), invariant=1)
    for index, draw in enumerate(pages):
        for number, (page, title, level) in enumerate(outline):
            if page == index:
                canvas.bookmarkPage(f"mark{number}")
                canvas.addOutlineEntry(title, f"mark{number}", level)
        draw(Sheet(canvas))
        canvas.showPage()
    canvas.save()
    content = buffer.getvalue()
    return content.replace(b"/Rotate 0", b"/Rotate %d" % rotation)


def of_everything(sheet: Sheet) -> None:
    """Columns, a table and words with gaps in a font that the file does not hold."""
    text = "当社の定量ポンプは、薬液を少しずつ正確に注入するための機器であり、浄水場の消毒や冷却塔の薬注に広く用いられている。"
    sheet.line("製品のご案内および据付けの要点と保証について(お客様控え)", 60, 60, 16)
    sheet.column(text, 60, 100, 20)
    sheet.column(text, 310, 100, 20)
    sheet.table(
        grid([["型式", "単価(税別)"], ["AVP-320", "128,000円 (1台)"]]), [60, 150, 260], [200, 220, 240]
    )
    sheet.line("W1  i.l  2.5 mm   AB", 60, 280)
