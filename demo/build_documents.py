"""Builds the demo documents (PDF, DOCX, XLSX, HTML, TXT) from the text in `demo/source`.

    python -m demo.build_documents [target folder]

The same source always gives the same bytes, so a rebuilt file differs only where its source does.
A `.md` source is prose, a `.sheet` source a workbook. Both begin with facts between `---` lines:
`file` (its suffix decides the format), `folder` (`documents` or `later`) and, for text, `encoding`.
"""

from __future__ import annotations

import html
import io
import re
import sys
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

COMPANY = "葦辺流機工業株式会社"
DEMO = Path(__file__).resolve().parent
SOURCE = DEMO / "source"
PDF_FONT = "HeiseiKakuGo-W5"
"""A font that every PDF reader has a substitute for, so its text is extracted exactly without embedding."""
CELL_SEPARATOR = " || "
FIXED_TIME = datetime(2025, 4, 1)

BlockKind = Literal["heading", "paragraph", "item", "table", "break"]


@dataclass(frozen=True)
class Block:
    """One element of a prose source; `level` is the heading's depth, `rows` the table's cells."""

    kind: BlockKind
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Source:
    """A source file: its facts and the text below them."""

    facts: dict[str, str]
    body: str

    @property
    def target(self) -> Path:
        """Where the built file lies, relative to the target folder."""
        return Path(self.facts.get("folder", "documents")) / self.facts["file"]


def read_source(path: Path) -> Source:
    """Split a source file into its facts and its body."""
    _, facts, body = path.read_text(encoding="utf-8").split("---\n", 2)
    pairs = (line.split(":", 1) for line in facts.splitlines() if line)
    return Source({key.strip(): value.strip() for key, value in pairs}, body.strip("\n") + "\n")


def parse_blocks(body: str) -> list[Block]:
    """Read the Markdown-like body: `#` headings, `- ` items, `|` tables, `===` page breaks.

    Every other line that is not blank is a paragraph of its own.
    """
    blocks: list[Block] = []
    rows: list[tuple[str, ...]] = []
    for line in [*body.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
            continue
        if rows:
            blocks.append(Block("table", rows=tuple(rows)))
            rows = []
        if line.strip():
            blocks.append(_parse_line(line.strip()))
    return blocks


def _parse_line(line: str) -> Block:
    if heading := re.match(r"(#+) (.+)", line):
        return Block("heading", heading[2], level=len(heading[1]))
    if line.startswith("- "):
        return Block("item", line[2:])
    if line == "===":
        return Block("break")
    return Block("paragraph", line)


def plain_text(blocks: list[Block]) -> str:
    """The words of a document in reading order, one block or table row per line, without markup."""
    lines: list[str] = []
    for block in blocks:
        lines.extend("\t".join(row) for row in block.rows)
        lines.extend([block.text] if block.text else [])
    return "\n".join(lines)


def build_pdf(source: Source) -> bytes:
    """A4 pages with the company's name, the document's title and the page number at the foot."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import SimpleDocTemplate

    pdfmetrics.registerFont(UnicodeCIDFont(PDF_FONT))
    title = Path(source.facts["file"]).stem

    def draw_foot(canvas: Any, document: Any) -> None:
        canvas.setFont(PDF_FONT, 8)
        canvas.drawCentredString(297, 30, f"{COMPANY} {title} {document.page}")

    target = io.BytesIO()
    document = SimpleDocTemplate(
        target, pagesize=(595, 842), leftMargin=62, rightMargin=62, topMargin=60, bottomMargin=62,
        title=title, author=COMPANY, invariant=1,
    )  # fmt: skip
    blocks = parse_blocks(source.body)
    followers = [*blocks[1:], Block("break")]
    # A table stays on the page of the sentence that introduces it, so a citation of the page covers both.
    flow = [_pdf_block(block, next_.kind == "table") for block, next_ in zip(blocks, followers, strict=True)]
    document.build(flow, onFirstPage=draw_foot, onLaterPages=draw_foot)
    return target.getvalue()


def _pdf_block(block: Block, introduces_table: bool) -> Any:
    from reportlab.platypus import PageBreak, Paragraph

    if block.kind == "break":
        return PageBreak()
    if block.kind == "table":
        return _pdf_table(block.rows)
    if block.kind == "heading":
        size = {1: 17, 2: 13}.get(block.level, 11)
        style = _pdf_style(size=size, before=size * 0.8, keep_with_next=True)
        return Paragraph(html.escape(block.text), style)
    bullet = "・" if block.kind == "item" else ""
    return Paragraph(
        html.escape(bullet + block.text),
        _pdf_style(indent=12 if bullet else 0, keep_with_next=introduces_table),
    )


def _pdf_style(size: float = 10, before: float = 0, indent: float = 0, keep_with_next: bool = False) -> Any:
    from reportlab.lib.styles import ParagraphStyle

    return ParagraphStyle(
        "text", fontName=PDF_FONT, fontSize=size, leading=size * 1.6, spaceBefore=before, spaceAfter=3,
        leftIndent=indent, wordWrap="CJK", keepWithNext=keep_with_next,
    )  # fmt: skip


def _pdf_table(rows: tuple[tuple[str, ...], ...]) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Paragraph, Table, TableStyle

    style = _pdf_style(size=9)
    cells = [[Paragraph(html.escape(cell), style) for cell in row] for row in rows]
    longest = [max(len(row[column]) for row in rows) + 2 for column in range(len(rows[0]))]
    # Widths follow the longest cell, but no column is so narrow that its heading breaks every letter.
    shares = [max(6, min(length, 24)) for length in longest]
    table = Table(cells, colWidths=[471 * share / sum(shares) for share in shares])
    grid, head = HexColor("#8a8f98"), HexColor("#eceff3")
    table.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 0.5, grid), ("BACKGROUND", (0, 0), (-1, 0), head)]))
    table.spaceBefore, table.spaceAfter = 4, 8
    return table


def build_docx(source: Source) -> bytes:
    """A Word document with heading styles, bullet lists and real tables."""
    import docx

    document = docx.Document()
    document.core_properties.author = COMPANY
    document.core_properties.title = Path(source.facts["file"]).stem
    for block in parse_blocks(source.body):
        _add_docx_block(document, block)
    target = io.BytesIO()
    document.save(target)
    return _with_fixed_times(target.getvalue())


def _add_docx_block(document: Any, block: Block) -> None:
    if block.kind == "heading":
        document.add_heading(block.text, level=block.level)
    elif block.kind == "break":
        document.add_page_break()
    elif block.kind == "table":
        table = document.add_table(rows=len(block.rows), cols=len(block.rows[0]), style="Table Grid")
        for row, cells in zip(table.rows, block.rows, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    else:
        document.add_paragraph(block.text, style="List Bullet" if block.kind == "item" else None)


def parse_sheets(body: str) -> dict[str, list[list[str]]]:
    """Read a `.sheet` body: `# name` begins a sheet, each other line is a row (a blank one stays blank)."""
    sheets: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in body.splitlines():
        if line.startswith("# "):
            rows = sheets.setdefault(line[2:], [])
        else:
            rows.append(line.split(CELL_SEPARATOR) if line else [])
    return sheets


def build_xlsx(source: Source) -> bytes:
    """A workbook; cells that are whole numbers are stored as numbers, shown with thousands separators."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in parse_sheets(source.body).items():
        sheet = book.create_sheet(name)
        for number, row in enumerate(rows, start=1):
            for column, text in enumerate(row, start=1):
                _fill_cell(sheet.cell(number, column), text)
        for column in range(1, max(map(len, rows)) + 1):
            sheet.column_dimensions[openpyxl.utils.get_column_letter(column)].width = 28
    target = io.BytesIO()
    book.save(target)
    return _with_fixed_times(target.getvalue())


def _fill_cell(cell: Any, text: str) -> None:
    if text.isascii() and text.isdigit():
        cell.value, cell.number_format = int(text), "#,##0"
    elif text:
        cell.value = text


def _with_fixed_times(package: bytes) -> bytes:
    """Rewrite an Office package so that it does not depend on the time of writing."""
    stamp = FIXED_TIME.strftime("%Y-%m-%dT%H:%M:%SZ")
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", stamp.encode(), content)
            entry = zipfile.ZipInfo(name, FIXED_TIME.timetuple()[:6])
            new.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


NAVIGATION = ("ホーム", "お知らせ", "規程・様式", "各部のページ", "アプリ一覧", "社員検索")


def build_html(source: Source) -> bytes:
    """A page of the intranet, with the navigation and footer that every page there repeats."""
    title = Path(source.facts["file"]).stem
    links = "".join(f'<li><a href="#">{name}</a></li>' for name in NAVIGATION)
    body = "\n".join(_html_block(block) for block in parse_blocks(source.body))
    page = f"""<!DOCTYPE html>
<html lang="ja">
<head><meta charset="utf-8"><title>{title} | アシネット</title></head>
<body>
<header><p>アシネット 葦辺流機の社内ポータル</p><nav><ul>{links}</ul></nav></header>
<main>
{body}
</main>
<footer><p>このページは社外秘です。内容に関するお問い合わせは各ページの担当部署まで。</p>
<p>Copyright {COMPANY}</p><p>ページの先頭へ戻る</p></footer>
</body>
</html>
"""
    return page.encode()


def _html_block(block: Block) -> str:
    text = html.escape(block.text)
    if block.kind == "heading":
        return f"<h{block.level}>{text}</h{block.level}>"
    if block.kind == "item":
        return f"<ul><li>{text}</li></ul>"
    if block.kind == "table":
        head, *rows = [[html.escape(cell) for cell in row] for row in block.rows]
        lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
        lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
        return "<table>\n" + "\n".join(lines) + "\n</table>"
    return f"<p>{text}</p>"


def build_txt(source: Source) -> bytes:
    """A text file as a Windows editor leaves it, in the encoding the source names."""
    lines = []
    for block in parse_blocks(source.body):
        mark = {"heading": "\n■ " if block.level > 1 else "", "item": "・"}.get(block.kind, "")
        lines += ["\t".join(row) for row in block.rows] or [mark + block.text]
    return ("\r\n".join("\n".join(lines).split("\n")) + "\r\n").encode(source.facts.get("encoding", "utf-8"))


BUILDERS = {
    ".pdf": build_pdf,
    ".docx": build_docx,
    ".xlsx": build_xlsx,
    ".html": build_html,
    ".txt": build_txt,
}


def read_sources() -> list[Source]:
    """All sources, in the order of their file names."""
    paths = sorted(path for path in SOURCE.iterdir() if path.suffix in {".md", ".sheet"})
    return [read_source(path) for path in paths]


def build(target: Path) -> list[Path]:
    """Write every document under `target` and return the paths written."""
    written = []
    for source in read_sources():
        path = target / source.target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BUILDERS[path.suffix](source))
        written.append(path)
    return written


if __name__ == "__main__":
    for built in build(Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO):
        print(built)
