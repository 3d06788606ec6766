"""Files that were made to break or to abuse a reader, each with what has to become of it.

`READ` means that the text of the file comes out; anything else is the code of the refusal.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.engines.ingest import documents
from tests.engines.ingest.hostile_makers import (
    BOOK,
    EXTERNAL,
    LAUGHS,
    MEGABYTE,
    OUTLINES,
    PAGE,
    SECRET_FILE,
    SHEET_ROW,
    TEXT,
    WORD,
    bmp,
    changed,
    drawn_by_itself,
    endless_chain,
    jpeg,
    macros,
    message,
    message_in_itself,
    nested_tables,
    overlapping,
    packed_page,
    part_changed,
    png,
    tiff,
    webp,
    with_entity,
)
from tests.engines.ingest.opendocument_files import opendocument, p
from tests.engines.ingest.test_mail import attach, written

READ = "read"
Made = Callable[[], bytes]

HOSTILE_FILES: dict[str, tuple[str, Made, str]] = {
    # -- what unpacks to far more than its size
    "bomb in Word": ("a.docx", lambda: documents.bomb(24), "archive_too_large"),
    "bomb in Excel": (
        "a.xlsx",
        lambda: documents.with_part(BOOK, "xl/media/a.bin", bytes(24 * MEGABYTE)),
        "archive_too_large",
    ),
    "bomb that lies about its size": ("a.docx", lambda: documents.lying_bomb(24), "damaged_file"),
    "bomb of overlapping parts": ("a.docx", overlapping, "archive_too_large"),
    "bomb in a page's content": ("a.pdf", lambda: packed_page(60, 1), READ),
    "bomb packed three times": ("a.pdf", lambda: packed_page(60, 3), READ),
    "entities in Word": (
        "a.docx",
        lambda: with_entity(WORD, "word/document.xml", LAUGHS, "</w:t>"),
        "damaged_file",
    ),
    "entities in Excel": (
        "a.xlsx",
        lambda: with_entity(BOOK, "xl/worksheets/sheet1.xml", LAUGHS, "</t>"),
        "damaged_file",
    ),
    "entities on slides": (
        "a.pptx",
        lambda: documents.slides([f"{TEXT}&laugh;"], entity="ハ" * 99),
        "damaged_file",
    ),
    "entities in OpenDocument": (
        "a.odt",
        lambda: opendocument("text", p(f"{TEXT}&l9;"), document_type=f"<!DOCTYPE d [{LAUGHS}]>"),
        "damaged_file",
    ),
    "entities in HTML": (
        "a.html",
        lambda: f"<!DOCTYPE html [{LAUGHS}]><html><body><p>{TEXT}&l9;</p></body></html>".encode(),
        READ,
    ),
    "pixels in PNG": ("a.png", lambda: png(60_000, 60_000), "picture_too_large"),
    "pixels in TIFF": ("a.tiff", lambda: tiff(60_000, 60_000), "picture_too_large"),
    "pixels in JPEG": ("a.jpg", lambda: jpeg(65_000, 65_000), "picture_too_large"),
    "pixels in BMP": ("a.bmp", lambda: bmp(60_000, 60_000), "picture_too_large"),
    "pixels in WebP": ("a.webp", lambda: webp(16_000, 16_000), "picture_too_large"),
    # -- what reaches for other files
    "external entity in Word": (
        "a.docx",
        lambda: with_entity(WORD, "word/document.xml", EXTERNAL, "</w:t>"),
        "damaged_file",
    ),
    "external entity in Excel": (
        "a.xlsx",
        lambda: with_entity(BOOK, "xl/worksheets/sheet1.xml", EXTERNAL, "</t>"),
        "damaged_file",
    ),
    "external entity in OpenDocument": (
        "a.odt",
        lambda: opendocument("text", p(f"{TEXT}&l9;"), document_type=f"<!DOCTYPE d [{EXTERNAL}]>"),
        "damaged_file",
    ),
    "external entity in HTML": (
        "a.html",
        lambda: f"<!DOCTYPE html [{EXTERNAL}]><html><body><p>{TEXT}&l9;</p></body></html>".encode(),
        READ,
    ),
    "frame of a file": (
        "a.html",
        lambda: f'<html><body><p>{TEXT}</p><iframe src="{SECRET_FILE}"></iframe></body></html>'.encode(),
        READ,
    ),
    "template of a file": (
        "a.docx",
        lambda: part_changed(
            WORD,
            "word/_rels/document.xml.rels",
            lambda rels: rels.replace(
                b"</Relationships>",
                f'<Relationship Id="rX" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate" Target="{SECRET_FILE}" TargetMode="External"/></Relationships>'.encode(),
            ),
        ),
        READ,
    ),
    "names that lead out": (
        "a.docx",
        lambda: documents.with_part(WORD, "../../../../tmp/out.txt", b"x"),
        READ,
    ),
    "attachment that leads out": (
        "a.eml",
        lambda: attach(written(body=TEXT), "../../out.txt", b"x").as_bytes(),
        READ,
    ),
    "document that runs a program": (
        "a.pdf",
        lambda: changed(
            PAGE, ("/Type /Catalog", "/Type /Catalog /OpenAction << /S /Launch /F (calc.exe) >>")
        ),
        READ,
    ),
    "macros in Word": ("a.docm", lambda: macros(WORD, "word/vbaProject.bin", "word.document"), READ),
    "macros in Excel": ("a.xlsm", lambda: macros(BOOK, "xl/vbaProject.bin", "excel.sheet"), READ),
    "formulas in CSV": ("a.csv", lambda: f"品名,値\n{TEXT},=cmd|'/c calc'!A0\n".encode(), READ),
    # -- what is another format than it says, or several at once
    "program named PDF": ("a.pdf", lambda: b"MZ\x90\0" + PAGE, "wrong_type"),
    "PDF that is an archive, too": ("a.pdf", lambda: PAGE + documents.with_part(b"", "a.txt", b"x"), READ),
    "picture that is a PDF, too": ("a.png", lambda: b"\x89PNG\r\n\x1a\n" + PAGE, READ),
    "HTML behind a picture's head": (
        "a.html",
        lambda: b"\xff\xd8\xff\xe0<html><body>x</body></html>",
        "damaged_file",
    ),
    "Word named PDF": ("a.pdf", lambda: WORD, READ),
    "Word and Excel at once": (
        "a.xlsx",
        lambda: documents.with_part(WORD, "xl/workbook.xml", b"<workbook/>"),
        READ,
    ),
    "OpenDocument that says it is a drawing": (
        "a.odt",
        lambda: opendocument("graphics", p(TEXT)),
        "wrong_type",
    ),
    # -- PDF
    "outline that leads back to itself": (
        "a.pdf",
        lambda: changed(
            PAGE,
            ("/Type /Catalog", "/Type /Catalog /Outlines 90 0 R"),
            (r"xref\n0 ", f"{OUTLINES}xref\n0 "),
        ),
        READ,
    ),
    "page tree that leads back to itself": (
        "a.pdf",
        lambda: changed(PAGE, (r"/Count 1 /Kids \[", "/Count 2 /Kids [2 0 R ")),
        "damaged_file",
    ),
    "drawing that draws itself": ("a.pdf", drawn_by_itself, READ),
    "table of objects before itself": (
        "a.pdf",
        lambda: changed(PAGE, ("/Root 1 0 R", f"/Root 1 0 R /Prev {PAGE.rindex(b'xref', 0, -40)}")),
        READ,
    ),
    "arrays nested deep": (
        "a.pdf",
        lambda: changed(PAGE, ("/Type /Catalog", "/Type /Catalog /X " + "[" * 50_000 + "]" * 50_000)),
        READ,
    ),
    "50,000 pages": (
        "a.pdf",
        lambda: changed(PAGE, (r"/Count 1 /Kids \[[^]]*\]", f"/Count 50000 /Kids [{'6 0 R ' * 50_000}]")),
        "too_many_pages",
    ),
    "two thousand million pages": (
        "a.pdf",
        lambda: changed(PAGE, ("/Count 1 ", "/Count 2000000000 ")),
        READ,
    ),
    "page of a million points": (
        "a.pdf",
        lambda: changed(PAGE, (r"/MediaBox \[0 0 595 842\]", "/MediaBox [0 0 1e30 1e30]")),
        READ,
    ),
    "password": ("a.pdf", lambda: documents.pdf([["秘密"]], password="open sesame"), "encrypted"),
    "password that is empty": ("a.pdf", lambda: documents.pdf([[TEXT]], owner_password="open sesame"), READ),
    # -- Office
    "tables nested deep": ("a.docx", lambda: nested_tables(3000), "damaged_file"),
    "sheet of all cells": (
        "a.xlsx",
        lambda: documents.book_xml(
            '<dimension ref="A1:XFD1048576"/><sheetData>'
            + SHEET_ROW.format(row=1, cell="A1", text=TEXT)
            + SHEET_ROW.format(row=1048576, cell="XFD1048576", text="端")
            + "</sheetData>"
        ),
        READ,
    ),
    "cells outside of a sheet": (
        "a.xlsx",
        lambda: documents.book_xml(
            "<sheetData>"
            + SHEET_ROW.format(row=1, cell="A1", text=TEXT)
            + SHEET_ROW.format(row=99999999, cell="ZZZZ99999999", text="端")
            + "</sheetData>"
        ),
        "damaged_file",
    ),
    "merged cells without end": (
        "a.xlsx",
        lambda: documents.book_xml(
            "<sheetData>"
            + SHEET_ROW.format(row=1, cell="A1", text=TEXT)
            + '</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
        ),
        READ,
    ),
    "old workbook that never ends": ("a.xls", endless_chain, "no_text"),
    # -- text
    "zeros in a text": ("a.txt", lambda: TEXT.encode() + bytes(100) + TEXT.encode(), "wrong_type"),
    "one line of 2 MB": ("a.txt", lambda: TEXT.encode() * (2 * MEGABYTE // 48), READ),
    "one cell of a megabyte": (
        "a.csv",
        lambda: "品名,値\nねじ,".encode() + TEXT.encode() * (MEGABYTE // 48),
        READ,
    ),
    "quotation that never ends": ("a.csv", lambda: f'品名,値\n{TEXT},"'.encode() + b"a,b\n" * 10_000, READ),
    "a million columns": ("a.csv", lambda: f"{TEXT}{',' * MEGABYTE}\n".encode() * 2, READ),
    "JSON nested deep": (
        "a.jsonl",
        lambda: b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "invalid_jsonl",
    ),
    "numbers without end in JSON": (
        "a.jsonl",
        lambda: b'{"messages": ' + b"9" * 100_000 + b"}",
        "invalid_jsonl",
    ),
    "overlong UTF-8": (
        "a.txt",
        lambda: TEXT.encode() + b"\xc0\xaf\xe0\x80\xaf" + TEXT.encode(),
        "undecodable_text",
    ),
    "half of a pair in UTF-16": (
        "a.txt",
        lambda: b"\xff\xfe" + TEXT.encode("utf-16-le") + b"\x00\xd8" + TEXT.encode("utf-16-le"),
        "undecodable_text",
    ),
    "half of a pair in JSON": ("a.jsonl", lambda: message("\ud800"), "invalid_jsonl"),
    "marks without end on one letter": ("a.txt", lambda: (TEXT + "あ" + "\u0301" * 100_000).encode(), READ),
    "directions that turn": ("a.txt", lambda: f"{TEXT}\u202e\u2066\u2067{TEXT}".encode(), READ),
    "elements nested deep": (
        "a.html",
        lambda: f"<html><body><p>{TEXT}</p>{'<div>' * 100_000}x".encode(),
        "damaged_file",
    ),
    "comments without end": ("a.html", lambda: f"<html><body><p>{TEXT}</p>{'<!--' * 300_000}".encode(), READ),
    "quotations nested deep": (
        "a.md",
        lambda: f"{TEXT}\n\n{'> ' * 50_000}x\n{'[' * 50_000}\n{'- ' * 5000}x\n{'*a_' * 30_000}\n".encode(),
        READ,
    ),
    "groups nested deep": (
        "a.rtf",
        lambda: b"{\\rtf1 " + b"{" * 200_000 + b"x" + b"}" * 200_000 + b"}",
        "damaged_file",
    ),
    "length that lies": ("a.rtf", lambda: b"{\\rtf1 text{\\bin2000000000 x}}", "damaged_file"),
    "parts nested deep": (
        "a.eml",
        lambda: (
            b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000))
            + b"\n"
            + TEXT.encode()
        ),
        "damaged_file",
    ),
    "ten thousand recipients": (
        "a.eml",
        lambda: (
            b"From: a@example.jp\nTo: "
            + b",\n b@example.jp" * 10_000
            + b"\nContent-Type: text/plain; charset=utf-8\n\n"
            + TEXT.encode()
        ),
        READ,
    ),
    "message that contains itself": ("a.msg", message_in_itself, "wrong_type"),
}
