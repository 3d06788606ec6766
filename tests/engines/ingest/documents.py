"""Makes real files of every format in memory, whole and broken."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import quoteattr

import docx
import openpyxl
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

FONT = "HeiseiMin-W3"
_RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def pdf(
    pages: Sequence[Sequence[str]],
    *,
    password: str | None = None,
    owner_password: str | None = None,
    title: str = "",
) -> bytes:
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    buffer = io.BytesIO()
    is_locked = password is not None or owner_password is not None
    canvas = Canvas(buffer, encrypt=StandardEncryption(password or "", owner_password) if is_locked else None)
    canvas.setTitle(title)
    for lines in pages:
        canvas.setFont(FONT, 10)
        for index, line in enumerate(lines):
            canvas.drawString(40, 800 - 15 * index, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def scan_pdf() -> bytes:
    """A page with a drawing and no text."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.rect(100, 100, 300, 300, fill=1)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def word(build: Callable[[docx.document.Document], None]) -> bytes:
    document = docx.Document()
    build(document)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


_WORD_NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)


def _elements(content: str) -> list[object]:
    return list(parse_xml(f"<w:body {_WORD_NAMESPACES}>{content}</w:body>"))


def word_xml(
    body: str, notes: Mapping[str, Sequence[str]] | None = None, numbering: str = "", styles: str = ""
) -> bytes:
    """A document with this body, lists and further styles, and the contents of its notes, numbered from 1.

    `notes` are by kind: `footnotes`, `endnotes`.
    """

    def build(document: docx.document.Document) -> None:
        if numbering:
            document.part.numbering_part.element[:] = _elements(numbering)
        document.styles.element.extend(_elements(styles))
        document.element.body[:0] = _elements(body)
        for kind, contents in (notes or {}).items():
            name = kind.removesuffix("s")
            items = "".join(
                f'<w:{name} w:id="{number}">{content}</w:{name}>'
                for number, content in enumerate(contents, 1)
            )
            part = Part(
                PackURI(f"/word/{kind}.xml"),
                f"application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}+xml",
                f"<w:{kind} {_WORD_NAMESPACES}>{items}</w:{kind}>".encode(),
                document.part.package,
            )
            document.part.relate_to(part, f"{_RELATIONSHIPS}/{kind}")

    return word(build)


def workbook(sheets: dict[str, Sequence[Sequence[object]]], *, hidden: Sequence[str] = ()) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def book_xml(
    sheet: str, *, formats: Sequence[tuple[int, str]] = (), first: str = "", more: str = "", name: str = "表"
) -> bytes:
    """A workbook of one sheet, from its XML. Cell style n has the n-th format: its number and its code, if it has one.

    `first` and `more` stand before and after the list of sheets in the workbook's part.
    """
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    package = "http://schemas.openxmlformats.org/package/2006"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    codes = "".join(
        f"<numFmt numFmtId={quoteattr(str(number))} formatCode={quoteattr(code)}/>"
        for number, code in formats
        if code
    )
    styles = "".join(f'<xf numFmtId="{number}"/>' for number, _ in formats)
    relation = '<Relationship Id="r{}" Type="{}/{}" Target="{}"/>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="{types}.sheet.main+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{types}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{types}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f"{relation.format(1, _RELATIONSHIPS, 'officeDocument', 'xl/workbook.xml')}</Relationships>",
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{_RELATIONSHIPS}">{first}<sheets>'
        f'<sheet name="{name}" sheetId="1" r:id="r1"/></sheets>{more}</workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f"{relation.format(1, _RELATIONSHIPS, 'worksheet', 'worksheets/sheet1.xml')}"
        f"{relation.format(2, _RELATIONSHIPS, 'styles', 'styles.xml')}</Relationships>",
        "xl/styles.xml": f"<styleSheet {main}><numFmts>{codes}</numFmts><fonts><font/></fonts><fills><fill><patternFill/></fill></fills>"
        f"<borders><border/></borders><cellStyleXfs><xf/></cellStyleXfs><cellXfs>{styles or '<xf/>'}</cellXfs>"
        '<cellStyles><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
        "xl/worksheets/sheet1.xml": f"<worksheet {main}>{sheet}</worksheet>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for path, content in parts.items():
            file.writestr(path, content)
    return buffer.getvalue()


def with_part(archive: bytes, name: str, content: bytes) -> bytes:
    """The archive with one more entry."""
    buffer = io.BytesIO(archive)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return buffer.getvalue()


def bomb(megabytes: int) -> bytes:
    """A Word document whose extra part unpacks to so many megabytes of zeros."""
    plain = word(lambda document: document.add_paragraph("小さく見える文書です。"))
    return with_part(plain, "word/media/image1.bin", b"\0" * (megabytes * 1024 * 1024))


def lying_bomb(megabytes: int) -> bytes:
    """A bomb whose directory declares one byte where the data unpack to many."""
    honest = bomb(megabytes)
    true_size = struct.pack("<I", megabytes * 1024 * 1024)
    return honest.replace(true_size, struct.pack("<I", 1))


def slides(texts: Sequence[str], *, entity: str = "", after: str = "") -> bytes:
    """The smallest presentation with these slides, listed in reverse order of their part names.

    `entity` is what the document type declares `&laugh;` to be; `after` follows the text of each slide.
    """
    declared = f'<!DOCTYPE sld [<!ENTITY laugh "{entity}">]>' if entity else ""
    a = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    p = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    r = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    count = len(texts)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        ids = "".join(f'<p:sldId id="{256 + i}" r:id="r{i}"/>' for i in range(count))
        file.writestr(
            "ppt/presentation.xml", f"<p:presentation {p} {r}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"
        )
        relations = "".join(
            f'<Relationship Id="r{i}" Target="slides/slide{count - i}.xml"/>' for i in range(count)
        )
        file.writestr("ppt/_rels/presentation.xml.rels", f"<Relationships>{relations}</Relationships>")
        for i, text in enumerate(texts):
            body = f"<p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
            file.writestr(
                f"ppt/slides/slide{count - i}.xml", f"{declared}<p:sld {a} {p}>{body}{after}</p:sld>"
            )
    return buffer.getvalue()
