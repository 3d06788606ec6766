"""The media type of a file, from its bytes.

The name only distinguishes the text formats and reveals a file whose name and content differ.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from workers.contract.media_types import (
    BMP,
    CSV,
    DOC,
    DOCX,
    EML,
    HTML,
    JPEG,
    JSONL,
    MARKDOWN,
    MSG,
    ODP,
    ODS,
    ODT,
    PDF,
    PNG,
    PPT,
    PPTX,
    RTF,
    TEXT,
    TIFF,
    TSV,
    TYPE_OF_ENDING,
    WEBP,
    XLS,
    XLSX,
    ZIP,
    MediaType,
)
from workers.engines.ingest.encodings import wide_encoding
from workers.engines.shared.runtime import UserError

READABLE = "PDF, Word, Excel, PowerPoint, OpenDocument, RTF, e-mail, HTML, text, Markdown, CSV, TSV, JSONL, image or ZIP"

_HEAD = 4096
_PDF_HEADER_WITHIN = 1024
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# First bytes of what is uploaded by mistake, with the reason of the error and the name an administrator knows it by.
_KNOWN_BINARIES = (
    (b"MZ", "program", "a Windows program"),
    (b"\x7fELF", "program", "a Linux program"),
    (b"\xca\xfe\xba\xbe", "program", "a program"),
    (b"\xcf\xfa\xed\xfe", "program", "a macOS program"),
    (b"GIF8", "gif", "a GIF image; save it as PNG"),
    (b"Rar!", "archive", "an archive; unpack it and upload the files in it"),
    (b"7z\xbc\xaf", "archive", "an archive; unpack it and upload the files in it"),
    (b"\x1f\x8b", "archive", "an archive; unpack it and upload the files in it"),
)
_PICTURES: tuple[tuple[bytes, MediaType], ...] = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"BM", BMP),
)
_OFFICE_PARTS: tuple[tuple[str, MediaType], ...] = (
    ("word/document.xml", DOCX),
    ("xl/workbook.xml", XLSX),
    ("ppt/presentation.xml", PPTX),
)
_OPENDOCUMENT = "application/vnd.oasis.opendocument."
_OLE2_PARTS: tuple[tuple[str, MediaType], ...] = (
    ("__properties_version1.0", MSG),
    ("PowerPoint Document", PPT),
    ("Workbook", XLS),
    ("Book", XLS),
    ("WordDocument", DOC),
)
_TEXTS = (EML, HTML, MARKDOWN, CSV, TSV, JSONL, TEXT)
"""Types that only the name tells apart."""
# Possessive: each byte is read once, whatever the file holds. A group that could give back what it has matched would
# try every way to divide a long run of comments.
_HTML_START = re.compile(
    rb"\s*+(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype\s++html|html|head|body)\b", re.I | re.S
)
_CONVERSATION_START = re.compile(rb'\s*\{\s*"messages"\s*:')


def detect(file: BinaryIO, name: str) -> MediaType:
    """The media type of the open file; raises UserError where it is nothing readable."""
    head = file.read(_HEAD)
    suffix = Path(name).suffix.lower()
    if b"%PDF-" in head[:_PDF_HEADER_WITHIN] and not head.startswith(b"MZ"):
        return PDF
    if head.startswith(b"PK"):
        return _office_type(file, name)
    if head.startswith(_OLE2):
        return _ole2_type(file)
    if head.startswith(b"{\\rtf"):
        return RTF
    if picture := _picture_type(head):
        return picture
    for magic, reason, what in _KNOWN_BINARIES:
        if head.startswith(magic):
            raise wrong_type(f"The file is {what}.", reason=reason)
    if binary_type_of(name):
        raise wrong_type(
            f"The file is named {suffix} but its content is not.", reason="misnamed", ending=suffix
        )
    return _text_type(head, suffix)


def _picture_type(head: bytes) -> MediaType | None:
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    # A text may begin with BM; a bitmap goes on with its size and zeros.
    if head.startswith(b"BM") and head[6:10] != b"\0\0\0\0":
        return None
    return next((media_type for magic, media_type in _PICTURES if head.startswith(magic)), None)


def binary_type_of(name: str) -> MediaType | None:
    """What a file of this name has to be by its bytes; None where the name leaves that open."""
    named = TYPE_OF_ENDING.get(Path(name).suffix.lower())
    return None if named in _TEXTS else named


def wrong_type(what: str, *, reason: str, ending: str | None = None) -> UserError:
    return UserError("wrong_type", f"{what} Upload a {READABLE} file instead.", reason=reason, ending=ending)


def damaged(what: str, *, reason: str | None = None, page: int | None = None) -> UserError:
    """`reason` where `what` says more than that the file cannot be read."""
    return UserError(
        "damaged_file",
        f"{what} The file is damaged or incomplete: open it in the program it was made with, save it again "
        "and upload the new file.",
        reason=reason,
        page=page,
    )


@contextmanager
def damaged_by(
    what: str, *errors: type[Exception], reason: str | None = None, page: int | None = None
) -> Iterator[None]:
    """Turns the errors that a library raises on a broken file into UserError `damaged_file`."""
    try:
        yield
    except errors as error:
        raise damaged(what, reason=reason, page=page) from error


def encrypted(what: str, *, reason: str | None = None) -> UserError:
    return UserError("encrypted", f"{what} Remove the password and upload the file again.", reason=reason)


UNREADABLE_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    # What zipfile raises for a compression that it does not know.
    NotImplementedError,
    # And for a part that is encrypted.
    RuntimeError,
    ValueError,
    OSError,
)
"""What zipfile raises for an archive that is damaged or of another kind."""


def _office_type(file: BinaryIO, name: str) -> MediaType:
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            stated = _stated_type(archive) if "mimetype" in names else None
    except UNREADABLE_ARCHIVE as error:
        if binary_type_of(name) not in (None, ZIP):
            raise damaged("The document cannot be opened.") from error
        raise damaged("The archive cannot be opened.", reason="archive") from error
    if stated is not None and stated.startswith(_OPENDOCUMENT):
        return _opendocument_type(stated)
    for part, media_type in _OFFICE_PARTS:
        if part in names:
            return media_type
    if binary_type_of(name) not in (None, ZIP):
        raise damaged("The main part of the document is missing.", reason="main_part_missing")
    return ZIP


def _stated_type(archive: zipfile.ZipFile) -> str:
    """What an OpenDocument archive says of itself in its first entry."""
    with archive.open("mimetype") as entry:
        return entry.read(_HEAD).decode("ascii", errors="replace").strip()


def _opendocument_type(stated: str) -> MediaType:
    for media_type in (ODT, ODS, ODP):
        # A template, or a text that is made of others, is the same format.
        if stated == media_type or stated.startswith(f"{media_type}-"):
            return media_type
    raise wrong_type("The file is an OpenDocument drawing, formula or database.", reason="opendocument")


def _ole2_type(file: BinaryIO) -> MediaType:
    """Old Office files, messages of Outlook and password-protected new Office files share one container format."""
    import olefile

    file.seek(0)
    with damaged_by(
        "The document cannot be opened.",
        OSError,
        ValueError,
        IndexError,
        TypeError,
        struct.error,
        RecursionError,
    ):
        names = {path[0] for path in olefile.OleFileIO(file).listdir(streams=True, storages=True)}
    if not names:
        raise damaged("The document cannot be opened.")
    if "EncryptedPackage" in names:
        raise encrypted("The document is protected by a password.")
    for part, media_type in _OLE2_PARTS:
        if part in names:
            return media_type
    raise wrong_type("The file is in a container format of Microsoft, but none of Office.", reason="ole")


def _text_type(head: bytes, suffix: str) -> MediaType:
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\x00" in head and not utf16 and wide_encoding(head) is None:
        raise wrong_type("The file holds binary data.", reason="binary")
    named = TYPE_OF_ENDING.get(suffix, TEXT)
    if named != TEXT:
        return named
    if _HTML_START.match(head):
        return HTML
    return JSONL if _CONVERSATION_START.match(head) else TEXT
