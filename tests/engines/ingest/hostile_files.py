"""Files that were made to break or to abuse a reader, each with what has to become of it.

`READ` means that the text of the file comes out; anything else is the code of the refusal.
"""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

from tests.engines.ingest import documents
from tests.engines.ingest.ole2_files import ole2
from tests.engines.ingest.opendocument_files import opendocument, p
from tests.engines.ingest.pdf_files import pdf_of, shown
from tests.engines.ingest.test_mail import attach, written

READ = "read"
TEXT = "この規程は、出張について定める。"
SECRET_FILE = "file:///etc/passwd"
MEGABYTE = 1024 * 1024

_WORD = documents.word(lambda document: document.add_paragraph(TEXT))
_BOOK = documents.workbook({"表": [["品名", TEXT], ["ねじ", 100]]})
_SHEET_ROW = '<row r="{row}"><c r="{cell}" t="inlineStr"><is><t>{text}</t></is></c></row>'
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ハ"}">' for n in range(10))
_EXTERNAL = f'<!ENTITY l9 SYSTEM "{SECRET_FILE}">'


def changed(pdf: bytes, *changes: tuple[str, str]) -> bytes:
    """With other text in it; its table of objects no longer fits, which a reader mends."""
    for old, new in changes:
        result = re.sub(old.encode(), lambda _, new=new: new.encode("latin-1"), pdf)
        assert result != pdf, old
        pdf = result
    return pdf


def _part_changed(archive: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == part else content)
    return buffer.getvalue()


def _with_entity(archive: bytes, part: str, declared: str, end: str) -> bytes:
    """The part declares entities, and uses `l9` before its last `end`."""

    def change(content: bytes) -> bytes:
        start = content.index(b"?>") + 2 if content.startswith(b"<?xml") else 0
        use = content.rindex(end.encode())
        kind = f"<!DOCTYPE d [{declared}]>".encode()
        return content[:start] + kind + content[start:use] + b"&l9;" + content[use:]

    return _part_changed(archive, part, change)


def _overlapping() -> bytes:
    """A Word document with 900 names for the same megabyte of data (after David Fifield's zip bomb)."""
    content = documents.with_part(_WORD, "word/media/a.bin", bytes(MEGABYTE))
    at = content.rindex(b"PK\x01\x02")
    end = content.rindex(b"PK\x05\x06")
    entry = content[at:end]
    entries = content[content.index(b"PK\x01\x02") : end] + entry * 900
    count = struct.unpack("<H", content[end + 10 : end + 12])[0] + 900
    start = struct.unpack("<I", content[end + 16 : end + 20])[0]
    return content[:start] + entries + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(entries), start, 0)


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def _tiff(width: int, height: int, following: int = 0) -> bytes:
    """One page; `following` is where the next one begins (8 is the page itself)."""
    tags = ((256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 200), (278, 4, height), (279, 4, 64))
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    head = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return head.ljust(200, b"\0") + b"\xff" * 64


def _jpeg(width: int, height: int) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xd9"


def _bmp(width: int, height: int) -> bytes:
    return struct.pack("<2sIIIIiiHHIIiiII", b"BM", 154, 0, 54, 40, width, height, 1, 24, 0, 100, 0, 0, 0, 0) + bytes(100)


def _webp(width: int, height: int) -> bytes:
    extended = struct.pack("<I", 0) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + extended
    return b"RIFF" + struct.pack("<I", len(body)) + body


_PAGE = pdf_of((shown(TEXT, 50, 700), []))
_OUTLINES = (
    "90 0 obj\n<< /Type /Outlines /First 91 0 R /Last 91 0 R /Count 1 >>\nendobj\n"
    "91 0 obj\n<< /Title (A) /Parent 90 0 R /Next 91 0 R /First 91 0 R /Last 91 0 R /Dest [6 0 R /Fit] >>\nendobj\n"
)


def _packed_page(megabytes: int, times: int) -> bytes:
    """What is drawn stands behind so many megabytes of blanks, packed `times` times."""
    content = shown(TEXT, 50, 700).encode() + b" " * (megabytes * MEGABYTE)
    for _ in range(times):
        content = zlib.compress(content, 9)
    filters = "/FlateDecode " * times
    stream = f"<< /Length {len(content)} /Filter [{filters}] >>\nstream\n".encode() + content + b"\nendstream"
    return re.sub(rb"<< /Length \d+ >>\nstream\n.*?\nendstream", lambda _: stream, _PAGE, flags=re.DOTALL)


def _drawn_by_itself() -> bytes:
    form = "90 0 obj\n<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 90 0 R >> >> /Length 5 >>\nstream\n/X Do\nendstream\nendobj\n"
    page = pdf_of((shown(TEXT, 50, 700) + "/X Do\n", []))
    return changed(page, ("/Resources << ", "/Resources << /XObject << /X 90 0 R >> "), (r"xref\n0 ", f"{form}xref\n0 "))


def _nested_tables(levels: int) -> bytes:
    return documents.word_xml(
        f"<w:p><w:r><w:t>{TEXT}</w:t></w:r></w:p>"
        + "<w:tbl><w:tr><w:tc>" * levels + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * levels
    )


def _endless_chain() -> bytes:
    """An old workbook whose first sector is followed by itself."""
    content = bytearray(ole2({"Workbook": bytes(5000)}))
    fat = struct.unpack("<I", content[76:80])[0]
    content[512 * (fat + 1) : 512 * (fat + 1) + 4] = struct.pack("<I", 0)
    return bytes(content)


def _macros(archive: bytes, part: str, kind: str) -> bytes:
    """Named and declared as a file with macros."""
    declared = f"application/vnd.ms-{kind}.macroEnabled.main+xml".encode()
    typed = _part_changed(
        archive,
        "[Content_Types].xml",
        lambda types: re.sub(rb"application/vnd.openxmlformats-officedocument.[a-z]+ml\.(document|sheet)\.main\+xml", declared, types),
    )
    return documents.with_part(typed, part, ole2({"VBA": {"dir": b"Sub AutoOpen()"}}))


def _message(content: str) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": TEXT}]}).encode()


Made = Callable[[], bytes]

HOSTILE_FILES: dict[str, tuple[str, Made, str]] = {
    # -- what unpacks to far more than its size
    "bomb in Word": ("a.docx", lambda: documents.bomb(24), "archive_too_large"),
    "bomb in Excel": ("a.xlsx", lambda: documents.with_part(_BOOK, "xl/media/a.bin", bytes(24 * MEGABYTE)), "archive_too_large"),
    "bomb that lies about its size": ("a.docx", lambda: documents.lying_bomb(24), "damaged_file"),
    "bomb of overlapping parts": ("a.docx", _overlapping, "archive_too_large"),
    "bomb in a page's content": ("a.pdf", lambda: _packed_page(60, 1), READ),
    "bomb packed three times": ("a.pdf", lambda: _packed_page(60, 3), READ),
    "entities in Word": ("a.docx", lambda: _with_entity(_WORD, "word/document.xml", _LAUGHS, "</w:t>"), READ),
    "entities in Excel": ("a.xlsx", lambda: _with_entity(_BOOK, "xl/sharedStrings.xml", _LAUGHS, "</t>"), READ),
    "entities on slides": ("a.pptx", lambda: documents.slides([f"{TEXT}&laugh;"], entity="ハ" * 99), READ),
    "entities in OpenDocument": ("a.odt", lambda: opendocument("text", p(f"{TEXT}&l9;"), document_type=f"<!DOCTYPE d [{_LAUGHS}]>"), READ),
    "entities in HTML": ("a.html", lambda: f"<!DOCTYPE html [{_LAUGHS}]><html><body><p>{TEXT}&l9;</p></body></html>".encode(), READ),
    "pixels in PNG": ("a.png", lambda: _png(60_000, 60_000), "picture_too_large"),
    "pixels in TIFF": ("a.tiff", lambda: _tiff(60_000, 60_000), "picture_too_large"),
    "pixels in JPEG": ("a.jpg", lambda: _jpeg(65_000, 65_000), "picture_too_large"),
    "pixels in BMP": ("a.bmp", lambda: _bmp(60_000, 60_000), "picture_too_large"),
    "pixels in WebP": ("a.webp", lambda: _webp(16_000, 16_000), "picture_too_large"),
    # -- what reaches for other files
    "external entity in Word": ("a.docx", lambda: _with_entity(_WORD, "word/document.xml", _EXTERNAL, "</w:t>"), READ),
    "external entity in Excel": ("a.xlsx", lambda: _with_entity(_BOOK, "xl/sharedStrings.xml", _EXTERNAL, "</t>"), READ),
    "external entity in OpenDocument": ("a.odt", lambda: opendocument("text", p(f"{TEXT}&l9;"), document_type=f"<!DOCTYPE d [{_EXTERNAL}]>"), READ),
    "external entity in HTML": ("a.html", lambda: f"<!DOCTYPE html [{_EXTERNAL}]><html><body><p>{TEXT}&l9;</p></body></html>".encode(), READ),
    "frame of a file": ("a.html", lambda: f'<html><body><p>{TEXT}</p><iframe src="{SECRET_FILE}"></iframe></body></html>'.encode(), READ),
    "template of a file": (
        "a.docx",
        lambda: _part_changed(_WORD, "word/_rels/document.xml.rels", lambda rels: rels.replace(
            b"</Relationships>", f'<Relationship Id="rX" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate" Target="{SECRET_FILE}" TargetMode="External"/></Relationships>'.encode())),
        READ,
    ),
    "names that lead out": ("a.docx", lambda: documents.with_part(_WORD, "../../../../tmp/out.txt", b"x"), READ),
    "attachment that leads out": ("a.eml", lambda: attach(written(body=TEXT), "../../out.txt", b"x").as_bytes(), READ),
    "document that runs a program": ("a.pdf", lambda: changed(_PAGE, ("/Type /Catalog", "/Type /Catalog /OpenAction << /S /Launch /F (calc.exe) >>")), READ),
    "macros in Word": ("a.docm", lambda: _macros(_WORD, "word/vbaProject.bin", "word.document"), READ),
    "macros in Excel": ("a.xlsm", lambda: _macros(_BOOK, "xl/vbaProject.bin", "excel.sheet"), READ),
    "formulas in CSV": ("a.csv", lambda: f"品名,値\n{TEXT},=cmd|'/c calc'!A0\n".encode(), READ),
    # -- what is another format than it says, or several at once
    "program named PDF": ("a.pdf", lambda: b"MZ\x90\0" + _PAGE, "wrong_type"),
    "PDF that is an archive, too": ("a.pdf", lambda: _PAGE + documents.with_part(b"", "a.txt", b"x"), READ),
    "picture that is a PDF, too": ("a.png", lambda: b"\x89PNG\r\n\x1a\n" + _PAGE, READ),
    "HTML behind a picture's head": ("a.html", lambda: b"\xff\xd8\xff\xe0<html><body>x</body></html>", "damaged_file"),
    "Word named PDF": ("a.pdf", lambda: _WORD, READ),
    "Word and Excel at once": ("a.xlsx", lambda: documents.with_part(_WORD, "xl/workbook.xml", b"<workbook/>"), READ),
    "OpenDocument that says it is a drawing": ("a.odt", lambda: opendocument("graphics", p(TEXT)), "wrong_type"),
    # -- PDF
    "outline that leads back to itself": ("a.pdf", lambda: changed(_PAGE, ("/Type /Catalog", "/Type /Catalog /Outlines 90 0 R"), (r"xref\n0 ", f"{_OUTLINES}xref\n0 ")), READ),
    "page tree that leads back to itself": ("a.pdf", lambda: changed(_PAGE, (r"/Count 1 /Kids \[", "/Count 2 /Kids [2 0 R ")), READ),
    "drawing that draws itself": ("a.pdf", _drawn_by_itself, READ),
    "table of objects before itself": ("a.pdf", lambda: changed(_PAGE, ("/Root 1 0 R", f"/Root 1 0 R /Prev {_PAGE.rindex(b'xref', 0, -40)}")), READ),
    "arrays nested deep": ("a.pdf", lambda: changed(_PAGE, ("/Type /Catalog", "/Type /Catalog /X " + "[" * 50_000 + "]" * 50_000)), READ),
    "50,000 pages": ("a.pdf", lambda: changed(_PAGE, (r"/Count 1 /Kids \[[^]]*\]", f"/Count 50000 /Kids [{'6 0 R ' * 50_000}]")), "too_many_pages"),
    "two thousand million pages": ("a.pdf", lambda: changed(_PAGE, ("/Count 1 ", "/Count 2000000000 ")), "too_many_pages"),
    "page of a million points": ("a.pdf", lambda: changed(_PAGE, (r"/MediaBox \[0 0 595 842\]", "/MediaBox [0 0 1e30 1e30]")), READ),
    "password": ("a.pdf", lambda: documents.pdf([["秘密"]], password="open sesame"), "encrypted"),
    "password that is empty": ("a.pdf", lambda: documents.pdf([[TEXT]], owner_password="open sesame"), READ),
    # -- Office
    "tables nested deep": ("a.docx", lambda: _nested_tables(3000), READ),
    "sheet of all cells": ("a.xlsx", lambda: documents.book_xml('<dimension ref="A1:XFD1048576"/><sheetData>' + _SHEET_ROW.format(row=1, cell="A1", text=TEXT) + _SHEET_ROW.format(row=1048576, cell="XFD1048576", text="端") + "</sheetData>"), READ),
    "cells outside of a sheet": ("a.xlsx", lambda: documents.book_xml("<sheetData>" + _SHEET_ROW.format(row=1, cell="A1", text=TEXT) + _SHEET_ROW.format(row=99999999, cell="ZZZZ99999999", text="端") + "</sheetData>"), READ),
    "merged cells without end": ("a.xlsx", lambda: documents.book_xml("<sheetData>" + _SHEET_ROW.format(row=1, cell="A1", text=TEXT) + '</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'), READ),
    "old workbook that never ends": ("a.xls", _endless_chain, "damaged_file"),
    # -- text
    "zeros in a text": ("a.txt", lambda: TEXT.encode() + bytes(100) + TEXT.encode(), "wrong_type"),
    "one line of 30 MB": ("a.txt", lambda: TEXT.encode() * (30 * MEGABYTE // 48), READ),
    "one cell of 10 MB": ("a.csv", lambda: "品名,値\nねじ,".encode() + TEXT.encode() * (10 * MEGABYTE // 48), READ),
    "quotation that never ends": ("a.csv", lambda: f'品名,値\n{TEXT},"'.encode() + b"a,b\n" * MEGABYTE, READ),
    "a million columns": ("a.csv", lambda: f"{TEXT}{',' * MEGABYTE}\n".encode() * 2, READ),
    "JSON nested deep": ("a.jsonl", lambda: b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_jsonl"),
    "numbers without end in JSON": ("a.jsonl", lambda: b'{"messages": ' + b"9" * 100_000 + b"}", "invalid_jsonl"),
    "overlong UTF-8": ("a.txt", lambda: TEXT.encode() + b"\xc0\xaf\xe0\x80\xaf" + TEXT.encode(), "undecodable_text"),
    "half of a pair in UTF-16": ("a.txt", lambda: b"\xff\xfe" + TEXT.encode("utf-16-le") + b"\x00\xd8" + TEXT.encode("utf-16-le"), "undecodable_text"),
    "half of a pair in JSON": ("a.jsonl", lambda: _message("\ud800"), "invalid_jsonl"),
    "marks without end on one letter": ("a.txt", lambda: (TEXT + "あ" + "\u0301" * MEGABYTE).encode(), READ),
    "directions that turn": ("a.txt", lambda: f"{TEXT}\u202e\u2066\u2067{TEXT}".encode(), READ),
    "elements nested deep": ("a.html", lambda: f"<html><body><p>{TEXT}</p>{'<div>' * 100_000}x".encode(), READ),
    "comments without end": ("a.html", lambda: f"<html><body><p>{TEXT}</p>{'<!--' * 300_000}".encode(), READ),
    "quotations nested deep": ("a.md", lambda: f"{TEXT}\n\n{'> ' * 50_000}x\n{'[' * 50_000}\n{'- ' * 5000}x\n{'*a_' * 30_000}\n".encode(), READ),
    "groups nested deep": ("a.rtf", lambda: b"{\\rtf1 " + b"{" * 200_000 + b"x" + b"}" * 200_000 + b"}", "damaged_file"),
    "length that lies": ("a.rtf", lambda: b"{\\rtf1 text{\\bin2000000000 x}}", READ),
    "parts nested deep": ("a.eml", lambda: b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000)) + b"\n" + TEXT.encode(), READ),
    "half a million recipients": ("a.eml", lambda: b"From: a@example.jp\nTo: " + b",\n b@example.jp" * 500_000 + b"\nContent-Type: text/plain; charset=utf-8\n\n" + TEXT.encode(), READ),
    "message without end": ("a.msg", lambda: ole2({"__properties_version1.0": bytes(32), "__substg1.0_1000001F": b"\xff" * 3}), "damaged_file"),
}
