"""What can be read: media types, and the endings of the names that files of each have.

The upload form offers the endings. A file's own bytes decide which type it is, never its name alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

MediaType = Literal[
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/rtf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "message/rfc822",
    "application/vnd.ms-outlook",
    "text/html",
    "text/plain",
    "text/markdown",
    "text/csv",
    "text/tab-separated-values",
    "application/jsonl",
    "image/png",
    "image/jpeg",
    "image/tiff",
    "image/webp",
    "image/bmp",
    "application/zip",
]

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODT: Final = "application/vnd.oasis.opendocument.text"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
ODP: Final = "application/vnd.oasis.opendocument.presentation"
RTF: Final = "application/rtf"
DOC: Final = "application/msword"
XLS: Final = "application/vnd.ms-excel"
PPT: Final = "application/vnd.ms-powerpoint"
EML: Final = "message/rfc822"
MSG: Final = "application/vnd.ms-outlook"
HTML: Final = "text/html"
TEXT: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
CSV: Final = "text/csv"
TSV: Final = "text/tab-separated-values"
JSONL: Final = "application/jsonl"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
WEBP: Final = "image/webp"
BMP: Final = "image/bmp"
ZIP: Final = "application/zip"
"""An archive of files that become documents themselves; those of Office, which are ZIP archives inside, are not meant."""

ENDINGS: Mapping[MediaType, tuple[str, ...]] = {
    PDF: (".pdf",),
    # With macros, and templates: the same format inside. Macros are never run.
    DOCX: (".docx", ".docm", ".dotx", ".dotm"),
    XLSX: (".xlsx", ".xlsm", ".xltx", ".xltm"),
    PPTX: (".pptx", ".pptm", ".potx", ".potm", ".ppsx", ".ppsm"),
    ODT: (".odt", ".ott"),
    ODS: (".ods", ".ots"),
    ODP: (".odp", ".otp"),
    RTF: (".rtf",),
    DOC: (".doc", ".dot"),
    XLS: (".xls", ".xlt"),
    PPT: (".ppt", ".pps", ".pot"),
    EML: (".eml",),
    MSG: (".msg",),
    HTML: (".html", ".htm", ".xhtml"),
    TEXT: (".txt",),
    MARKDOWN: (".md", ".markdown"),
    CSV: (".csv",),
    TSV: (".tsv", ".tab"),
    JSONL: (".jsonl", ".ndjson"),
    PNG: (".png",),
    JPEG: (".jpg", ".jpeg"),
    TIFF: (".tif", ".tiff"),
    WEBP: (".webp",),
    BMP: (".bmp",),
    ZIP: (".zip",),
}
TYPE_OF_ENDING: Mapping[str, MediaType] = {
    ending: media_type for media_type, endings in ENDINGS.items() for ending in endings
}
OLD_OFFICE: Final = (DOC, XLS, PPT)
"""Formats that LibreOffice converts where it is installed."""
