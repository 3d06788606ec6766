"""Makes files by which a reader could be broken or abused."""

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
from tests.engines.ingest.pdf_files import pdf_of, shown

TEXT = "この規程は、出張について定める。"
SECRET_FILE = "file:///etc/passwd"
MEGABYTE = 1024 * 1024

WORD = documents.word(lambda document: document.add_paragraph(TEXT))
BOOK = documents.workbook({"表": [["品名", TEXT], ["ねじ", 100]]})
SHEET_ROW = '<row r="{row}"><c r="{cell}" t="inlineStr"><is><t>{text}</t></is></c></row>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ハ"}">' for n in range(10))
EXTERNAL = f'<!ENTITY l9 SYSTEM "{SECRET_FILE}">'


def changed(pdf: bytes, *changes: tuple[str, str]) -> bytes:
    """With other text in it; its table of objects no longer fits, which a reader mends."""
    for old, new in changes:
        result = re.sub(old.encode(), lambda _, new=new: new.encode("latin-1"), pdf)
        assert result != pdf, old
        pdf = result
    return pdf


def part_changed(archive: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        assert part in old.namelist(), part
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == part else content)
    return buffer.getvalue()


def with_entity(archive: bytes, part: str, declared: str, end: str) -> bytes:
    """The part declares entities, and uses `l9` before its last `end`."""

    def change(content: bytes) -> bytes:
        start = content.index(b"?>") + 2 if content.startswith(b"<?xml") else 0
        use = content.rindex(end.encode())
        kind = f"<!DOCTYPE d [{declared}]>".encode()
        return content[:start] + kind + content[start:use] + b"&l9;" + content[use:]

    return part_changed(archive, part, change)


def overlapping() -> bytes:
    """A Word document with 900 names for the same megabyte of data (after David Fifield's zip bomb)."""
    content = documents.with_part(WORD, "word/media/a.bin", bytes(MEGABYTE))
    at = content.rindex(b"PK\x01\x02")
    end = content.rindex(b"PK\x05\x06")
    entry = content[at:end]
    entries = content[content.index(b"PK\x01\x02") : end] + entry * 900
    count = struct.unpack("<H", content[end + 10 : end + 12])[0] + 900
    start = struct.unpack("<I", content[end + 16 : end + 20])[0]
    return (
        content[:start]
        + entries
        + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(entries), start, 0)
    )


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def tiff(width: int, height: int, following: int = 0) -> bytes:
    """One page; `following` is where the next one begins (8 is the page itself)."""
    tags = (
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 200),
        (278, 4, height),
        (279, 4, 64),
    )
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    head = (
        struct.pack("<2sHI", b"II", 42, 8)
        + struct.pack("<H", len(tags))
        + entries
        + struct.pack("<I", following)
    )
    return head.ljust(200, b"\0") + b"\xff" * 64


def jpeg(width: int, height: int) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xd9"


def bmp(width: int, height: int) -> bytes:
    return struct.pack(
        "<2sIIIIiiHHIIiiII", b"BM", 154, 0, 54, 40, width, height, 1, 24, 0, 100, 0, 0, 0, 0
    ) + bytes(100)


def webp(width: int, height: int) -> bytes:
    picture = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(101)
    body = b"WEBPVP8L" + struct.pack("<I", len(picture)) + picture
    return b"RIFF" + struct.pack("<I", len(body)) + body


PAGE = pdf_of((shown(TEXT, 50, 700), []))
OUTLINES = (
    "90 0 obj\n<< /Type /Outlines /First 91 0 R /Last 91 0 R /Count 1 >>\nendobj\n"
    "91 0 obj\n<< /Title (A) /Parent 90 0 R /Next 91 0 R /First 91 0 R /Last 91 0 R /Dest [6 0 R /Fit] >>\nendobj\n"
)


def packed_page(megabytes: int, times: int) -> bytes:
    """What is drawn stands behind so many megabytes of blanks, packed `times` times."""
    content = shown(TEXT, 50, 700).encode() + b" " * (megabytes * MEGABYTE)
    for _ in range(times):
        content = zlib.compress(content, 9)
    filters = "/FlateDecode " * times
    stream = f"<< /Length {len(content)} /Filter [{filters}] >>\nstream\n".encode() + content + b"\nendstream"
    return re.sub(rb"<< /Length \d+ >>\nstream\n.*?\nendstream", lambda _: stream, PAGE, flags=re.DOTALL)


def drawn_by_itself() -> bytes:
    form = "90 0 obj\n<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 90 0 R >> >> /Length 5 >>\nstream\n/X Do\nendstream\nendobj\n"
    page = pdf_of((shown(TEXT, 50, 700) + "/X Do\n", []))
    return changed(
        page, ("/Resources << ", "/Resources << /XObject << /X 90 0 R >> "), (r"xref\n0 ", f"{form}xref\n0 ")
    )


def nested_tables(levels: int) -> bytes:
    tables = "<w:tbl><w:tr><w:tc>" * levels + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * levels
    return part_changed(
        WORD,
        "word/document.xml",
        lambda content: content.replace(b"<w:sectPr", f"{tables}<w:sectPr".encode(), 1),
    )


def endless_chain() -> bytes:
    """An old workbook whose first sector is followed by itself."""
    content = bytearray(ole2({"Workbook": bytes(5000)}))
    fat = struct.unpack("<I", content[76:80])[0]
    content[512 * (fat + 1) : 512 * (fat + 1) + 4] = struct.pack("<I", 0)
    return bytes(content)


def message_in_itself() -> bytes:
    """The directory's second entry is its own neighbour."""
    content = bytearray(
        ole2({"__properties_version1.0": bytes(32), "__substg1.0_1000001F": TEXT.encode("utf-16-le")})
    )
    directory = 512 * (struct.unpack("<I", content[48:52])[0] + 1)
    content[directory + 128 + 68 : directory + 128 + 76] = struct.pack("<II", 1, 1)
    return bytes(content)


def macros(archive: bytes, part: str, kind: str) -> bytes:
    """Named and declared as a file with macros."""
    declared = f"application/vnd.ms-{kind}.macroEnabled.main+xml".encode()
    typed = part_changed(
        archive,
        "[Content_Types].xml",
        lambda types: re.sub(
            rb"application/vnd.openxmlformats-officedocument.[a-z]+ml\.(document|sheet)\.main\+xml",
            declared,
            types,
        ),
    )
    return documents.with_part(typed, part, ole2({"VBA": {"dir": b"Sub AutoOpen()"}}))


def message(content: str) -> bytes:
    return json.dumps(
        {"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": TEXT}]}
    ).encode()
