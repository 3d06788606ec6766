"""Messages of Outlook are read from their properties, whatever charset these are in, with attachments and messages inside."""

from __future__ import annotations

import datetime
import struct
from collections.abc import Mapping

import pytest

from tests.engines.ingest import documents
from tests.engines.ingest.ole2_files import ole2
from workers.engines.ingest.engine import read_file
from workers.engines.ingest.parsers.outlook_rtf import decompressed
from workers.engines.shared.runtime import UserError

SENT = datetime.datetime(2026, 11, 30, 0, 5, tzinfo=datetime.UTC)
TICKS = int((SENT - datetime.datetime(1601, 1, 1, tzinfo=datetime.UTC)).total_seconds()) * 10_000_000
BOOK = documents.workbook({"価格": [["品名", "価格"], ["ねじ", 100]]})


def properties(header: int, fixed: Mapping[int, int]) -> bytes:
    return bytes(header) + b"".join(struct.pack("<HHIQ", 3, name, 6, value) for name, value in fixed.items())


def strings(texts: Mapping[str, str], charset: str | None = None) -> dict[str, bytes]:
    kind, encoding = ("001E", charset) if charset else ("001F", "utf-16-le")
    return {f"__substg1.0_{name}{kind}": text.encode(encoding) for name, text in texts.items()}


TEXTS = {
    "0037": "出張の件",
    "0C1A": "山田",
    "5D01": "yamada@example.jp",
    "0E04": "鈴木; 佐藤",
    "1000": "出張の申請は、前日までに①を出す。",
}
SHOWN = (
    "Subject: 出張の件\nFrom: 山田 <yamada@example.jp>\nTo: 鈴木; 佐藤\nDate: 2026-11-30 00:05+00:00\n\n"
    "出張の申請は、前日までに(1)を出す。"
)


def message(*, charset: str | None = None, header: int = 32, page: int = 0, **more: object) -> dict:
    fixed = {0x0039: TICKS} | ({0x3FFD: page} if page else {})
    return strings(TEXTS, charset) | {"__properties_version1.0": properties(header, fixed)} | more


def attachment(name: str, content: object) -> dict:
    data = "000D" if isinstance(content, dict) else "0102"
    return strings({"3707": name}) | {
        f"__substg1.0_3701{data}": content,
        "__properties_version1.0": properties(8, {}),
    }


@pytest.mark.parametrize(
    ("charset", "page"), [(None, 0), ("cp932", 932), ("cp932", 0), ("utf-8", 65001)], ids=str
)
def test_headers_and_body_are_read_in_every_charset(run, spec_for, parse, charset, page):
    spec = spec_for("a.msg", ole2(message(charset=charset, page=page)))
    assert [page.text for page in parse(spec)] == [SHOWN]
    result = read_file(run, spec)
    assert (result.media_type, result.title) == ("application/vnd.ms-outlook", "出張の件")


def test_attachments_and_messages_inside_become_pages(run, spec_for, parse):
    inner = message(header=24, **{"__attach_version1.0_#00000000": attachment("表.xlsx", BOOK)})
    content = message(
        **{
            "__attach_version1.0_#00000000": attachment("見積.xlsx", BOOK),
            "__attach_version1.0_#00000001": attachment("転送.msg", inner),
            "__attach_version1.0_#00000002": attachment("setup.exe", b"MZ" + bytes(99)),
        }
    )
    spec = spec_for("a.msg", ole2(content))
    assert [(page.number, page.label) for page in parse(spec)] == [
        (1, None),
        (2, "見積.xlsx › 価格"),
        (3, "転送.msg"),
        (4, "転送.msg › 表.xlsx › 価格"),
    ]
    assert read_file(run, spec).warnings == ("attachments_not_read:1:setup.exe (wrong_type)",)


def test_an_html_body_is_read_where_there_is_no_plain_one(spec_for, parse):
    content = message(
        **{"__substg1.0_1000001F": b"", "__substg1.0_10130102": "<p>別の形です。</p>".encode("cp932")}
    )
    assert parse(spec_for("a.msg", ole2(content)))[0].text.endswith("\n\n別の形です。")


def packed(text: bytes) -> bytes:
    """Without any reference into the window but the one that ends it."""
    chunks = b""
    for start in range(0, len(text), 8):
        part = text[start : start + 8]
        chunks += (
            b"\0" + part
            if len(part) == 8
            else bytes((1 << len(part),)) + part + struct.pack(">H", (207 + len(text)) % 4096 << 4)
        )
    return struct.pack("<IIII", len(chunks) + 12, len(text), 0x75465A4C, 0) + chunks


def test_a_body_that_is_only_packed_rtf_is_read(spec_for, parse):
    rtf = rb"{\rtf1\ansi\ansicpg932\fromhtml1 {\*\htmltag <p>}\htmlrtf OLD\htmlrtf0 " + b"".join(
        b"\\'%02x" % each for each in "別の形です。".encode("cp932")
    ) + b"}"  # fmt: skip
    content = message(**{"__substg1.0_1000001F": b"", "__substg1.0_10090102": packed(rtf)})
    assert parse(spec_for("a.msg", ole2(content)))[0].text.endswith("\n\n別の形です。")


def test_references_into_the_window_are_followed():
    """The example of the specification (MS-OXRTFCP 3.2.1)."""
    content = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c0900206277 05b06c647d0a800fa0".replace(
            " ", ""
        )
    )
    assert decompressed(content) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


BROKEN = ole2(message())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (BROKEN[:700], "damaged_file"),
        (BROKEN[:512] + bytes(len(BROKEN) - 512), "damaged_file"),
        (ole2({"__properties_version1.0": bytes(32)}), "no_text"),
        (ole2({"Contents": bytes(99)}), "wrong_type"),
        (b"Subject: a\n\nbody", "wrong_type"),
    ],
)
def test_bad_files_have_their_codes(spec_for, parse, content, code):
    with pytest.raises(UserError) as refused:
        parse(spec_for("a.msg", content))
    assert refused.value.code == f"user.{code}"
