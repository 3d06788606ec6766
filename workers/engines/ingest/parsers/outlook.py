"""Reads a message that Outlook has stored (.msg): properties in the streams of an OLE2 file (MS-OXMSG)."""

from __future__ import annotations

import datetime
import io
import struct
from collections.abc import Iterator
from typing import Any

from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import damaged_by
from workers.engines.ingest.parsers.mail_parts import Attachment, Mail
from workers.engines.ingest.parsers.outlook_rtf import decompressed
from workers.engines.ingest.parsers.rtf import text_of_rtf
from workers.engines.shared.runtime import UserError

_SUBJECT, _BODY, _HTML, _RTF = "0037", "1000", "1013", "1009"
_SENDER, _SENDER_SMTP, _SENDER_ADDRESS = "0C1A", "5D01", "0C1F"
_TO, _CC = "0E04", "0E03"
_LONG_NAME, _SHORT_NAME, _DATA, _CONTENT_ID = "3707", "3704", "3701", "3712"
_SENT, _RECEIVED, _CODE_PAGE, _INTERNET_CODE_PAGE = 0x0039, 0x0E06, 0x3FFD, 0x3FDE
_UNICODE, _STRING, _BINARY, _STORAGE = "001F", "001E", "0102", "000D"
_ATTACHMENT = "__attach_version1.0_"
_HEADER_BYTES, _HEADER_BYTES_INSIDE = 32, 24
_EPOCH = datetime.datetime(1601, 1, 1, tzinfo=datetime.UTC)
_CHARSETS = {65001: "utf-8", 50220: "iso-2022-jp", 50221: "iso-2022-jp", 50222: "iso-2022-jp", 51932: "euc-jp", 20932: "euc-jp",
             20127: "ascii", 28591: "latin-1"}  # fmt: skip


def read_msg(content: bytes) -> Mail:
    """Raises UserError `damaged_file`, `undecodable_text`."""
    import olefile

    own = (OSError, struct.error, IndexError, KeyError, ValueError, TypeError, RecursionError)
    with damaged_by("The message cannot be read.", *own), olefile.OleFileIO(io.BytesIO(content)) as ole:
        return _Message(ole, []).mail()


class _Message:
    """A message in `place`: the storages above it, none for the file's own."""

    def __init__(self, ole: Any, place: list[str]) -> None:
        self._ole = ole
        self._place = place
        self._fixed = dict(self._fixed_properties())
        number = self._fixed.get(_CODE_PAGE, b"")[:4]
        self._charset = _charset(number)

    def mail(self) -> Mail:
        subject = self._string(_SUBJECT)
        address = self._string(_SENDER_SMTP) or self._string(_SENDER_ADDRESS)
        sender = self._string(_SENDER)
        if "@" in address and address != sender:
            sender = f"{sender} <{address}>".strip()
        named = {
            "Subject": subject,
            "From": sender,
            "To": self._string(_TO),
            "Cc": self._string(_CC),
            "Date": self._date(),
        }
        plain, html = self._string(_BODY), ""
        if not plain.strip():
            html = self._html()
        if not plain.strip() and not html and (packed := self._stream(_RTF, _BINARY)):
            plain = text_of_rtf(decompressed(packed))
        headers = [f"{name}: {text.rstrip(chr(0))}" for name, text in named.items() if text]
        return Mail(subject, headers, plain, html, list(self._attachments()))

    def _attachments(self) -> Iterator[Attachment]:
        depth = len(self._place)
        names = {
            path[depth]
            for path in self._ole.listdir(streams=True, storages=True)
            if path[:depth] == self._place and len(path) > depth and path[depth].startswith(_ATTACHMENT)
        }
        for name in sorted(names):
            inside = _Message(self._ole, [*self._place, name])
            stated = inside._string(_LONG_NAME) or inside._string(_SHORT_NAME)
            if self._ole.exists(inside._path(_DATA, _STORAGE)):
                mail = _Message(self._ole, inside._path(_DATA, _STORAGE)).mail()
                yield Attachment(stated or mail.subject or "message.msg", mail)
            elif inside._string(_CONTENT_ID) and stated.lower().endswith((".png", ".gif", ".jpg", ".jpeg")):
                # A picture that the text itself shows, such as a logo.
                continue
            else:
                yield Attachment(stated or "?", inside._stream(_DATA, _BINARY))

    def _path(self, name: str, kind: str) -> list[str]:
        return [*self._place, f"__substg1.0_{name}{kind}"]

    def _stream(self, name: str, kind: str) -> bytes:
        path = self._path(name, kind)
        return self._ole.openstream(path).read() if self._ole.exists(path) else b""

    def _string(self, name: str) -> str:
        if wide := self._stream(name, _UNICODE):
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._stream(name, _STRING).rstrip(b"\0")
        if not narrow:
            return ""
        try:
            return decode(narrow, charset=self._charset)
        except UserError:
            if name == _BODY:
                raise
            return ""

    def _html(self) -> str:
        content = self._stream(_HTML, _BINARY)
        charset = _charset(self._fixed.get(_INTERNET_CODE_PAGE, b"")[:4])
        return decode(content, charset=charset, declared_inside=True) if content else self._string(_HTML)

    def _date(self) -> str:
        for name in (_SENT, _RECEIVED):
            if (ticks := int.from_bytes(self._fixed.get(name, b""), "little")) > 0:
                moment = _EPOCH + datetime.timedelta(microseconds=ticks // 10)
                return moment.isoformat(" ", "minutes")
        return ""

    def _fixed_properties(self) -> Iterator[tuple[int, bytes]]:
        path = [*self._place, "__properties_version1.0"]
        content = self._ole.openstream(path).read() if self._ole.exists(path) else b""
        start = _HEADER_BYTES_INSIDE if self._place else _HEADER_BYTES
        if self._place and self._place[-1].startswith(_ATTACHMENT):
            start = 8
        for at in range(start, len(content) - 15, 16):
            yield struct.unpack_from("<H", content, at + 2)[0], content[at + 8 : at + 16]


def _charset(number: bytes) -> str | None:
    page = int.from_bytes(number, "little")
    return (_CHARSETS.get(page) or f"cp{page}") if page else None
