"""The parts of an OpenDocument file, and the text of its paragraphs.

What a tracked change has deleted lies apart from the text, and what it has inserted in it: the body is the final view.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.file_types import damaged, damaged_by, encrypted
from workers.engines.shared.text import normalize

_NAMESPACE = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
OFFICE, TEXT, TABLE, STYLE, DRAW, PRESENTATION, _MANIFEST = (
    _NAMESPACE % name for name in ("office", "text", "table", "style", "drawing", "presentation", "manifest")
)
LIBRE_OFFICE = "{urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0}"
_META = "{http://purl.org/dc/elements/1.1/}title"

PARAGRAPHS = (f"{TEXT}p", f"{TEXT}h")
LEFT_OUT = {
    *(f"{TEXT}{name}" for name in ("tracked-changes", "ruby-text", "placeholder", "table-of-content", "note-citation")),
    f"{OFFICE}annotation", f"{OFFICE}annotation-end", f"{OFFICE}forms", f"{OFFICE}event-listeners",
    f"{PRESENTATION}notes", "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}title",
    "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}desc",
}  # fmt: skip
_HIDDEN = (f"{TEXT}hidden-text", f"{TEXT}hidden-paragraph")
_BLANKS = re.compile(r"[ \t\r\n]+")
MOST_SPACES = 1000
"""That one element stands for."""


def damaged_opendocument() -> AbstractContextManager[None]:
    from lxml.etree import XMLSyntaxError

    return damaged_by(
        "The OpenDocument file cannot be read.", XMLSyntaxError, KeyError, ValueError, zipfile.BadZipFile
    )


class Package:
    """An OpenDocument file that has been checked. Raises UserError `damaged_file`, `encrypted`, `archive_too_large`."""

    def __init__(self, file: BinaryIO, max_expanded_bytes: int) -> None:
        check_archive(file, max_expanded_bytes)
        with damaged_opendocument():
            self.archive = zipfile.ZipFile(file)
            manifest = self.root("META-INF/manifest.xml")
        if manifest is not None and next(manifest.iter(f"{_MANIFEST}encryption-data"), None) is not None:
            raise encrypted("The document is protected by a password.")
        if "content.xml" not in self.archive.namelist():
            raise damaged("The main part of the document is missing.", reason="main_part_missing")

    def root(self, name: str) -> Any:
        """The root element of a part, None where there is none."""
        from lxml import etree

        if name not in self.archive.namelist():
            return None
        safe = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        return etree.fromstring(self.archive.read(name), safe)

    def title(self) -> str | None:
        meta = self.root("meta.xml")
        found = None if meta is None else next(meta.iter(_META), None)
        return None if found is None else normalize("".join(found.itertext())) or None


def natural(text: str | None, default: int, most: int = 2**31 - 1) -> int:
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= 10
    return min(int(text), most) if is_number and text is not None else default


def inline_text(paragraph: Any, anchored: Callable[[Any], None]) -> str:
    """The text of a paragraph. Called with what is anchored in it and has blocks of its own: notes, frames, shapes."""
    text = "".join(_pieces(paragraph, anchored))
    # Blanks before the first word are those of the file's own layout, unless an element stands for them.
    return text.lstrip(" ") if paragraph.text is not None and paragraph.text[:1].isspace() else text


def _pieces(element: Any, anchored: Callable[[Any], None]) -> Iterator[str]:
    yield _BLANKS.sub(" ", element.text or "")
    for child in element:
        tag = child.tag
        if tag == f"{TEXT}s":
            yield " " * natural(child.get(f"{TEXT}c"), 1, MOST_SPACES)
        elif tag == f"{TEXT}tab":
            yield "\t"
        elif tag == f"{TEXT}line-break":
            yield "\n"
        elif tag == f"{TEXT}note" or (isinstance(tag, str) and tag.startswith(DRAW) and tag != f"{DRAW}a"):
            anchored(child)
        elif isinstance(tag, str) and not is_left_out(child):
            yield from _pieces(child, anchored)
        yield _BLANKS.sub(" ", child.tail or "")


def is_left_out(element: Any) -> bool:
    is_hidden = element.tag in _HIDDEN and element.get(f"{TEXT}is-hidden", "true") == "true"
    return element.tag in LEFT_OUT or is_hidden
