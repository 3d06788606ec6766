"""Web pages: the text of the content, by section; menus, scripts and footers are left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lxml.html
from lxml import etree

from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import damaged
from workers.engines.ingest.parsers import Extracted, check_page_count
from workers.engines.ingest.parsers.sections import SectionBuilder
from workers.engines.shared.text import normalize

_LEFT_OUT = {
    "script", "style", "noscript", "template", "nav", "footer", "header", "aside", "form", "button",
    "select", "iframe", "object", "svg", "canvas", "head",
}  # fmt: skip
_BLOCKS = {
    "p", "div", "section", "article", "main", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre", "tr",
    "td", "th", "table", "h1", "h2", "h3", "h4", "h5", "h6", "figure", "figcaption", "address", "details", "summary",
}  # fmt: skip
_SECTION_HEADINGS = {"h1", "h2"}


def parse(path: Path, spec: IngestSpec) -> Extracted:
    root = _tree(decode(path.read_bytes(), declared_inside=True))
    title = normalize(root.findtext(".//title") or "") or None
    pages = _Walker(root).sections.pages()
    check_page_count(len(pages), spec)
    return Extracted(pages, title)


def _tree(text: str) -> Any:
    # Encoded again, because a declaration inside would contradict text that is decoded already.
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        root = lxml.html.document_fromstring(text.encode("utf-8"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise damaged("The HTML file holds no page.") from error
    if parser.error_log.filter_types([etree.ErrorTypes.ERR_RESOURCE_LIMIT]):
        raise damaged("The HTML file is nested too deeply to be read as a whole.")
    return root


class _Walker:
    """Walks the tree without recursion: nesting in the wild has no limit."""

    def __init__(self, root: Any) -> None:
        self.sections = SectionBuilder()
        self._line: list[str] = []
        walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
        for event, node in walk:
            if event == "start" and not self._enters(node):
                walk.skip_subtree()
            elif event == "end":
                self._leave(node)
            elif event in ("comment", "pi"):
                self._line.append(node.tail or "")
        self._flush()

    def _enters(self, node: Any) -> bool:
        if node.tag in _LEFT_OUT:
            return False
        if node.tag == "table" and node.find(".//table") is None:
            self._flush()
            self.sections.add_table(_rows(node))
            return False
        if node.tag in _BLOCKS:
            self._flush()
        if node.tag in _SECTION_HEADINGS:
            self.sections.begin(normalize(" ".join(node.itertext())) or None)
            return False
        self._line.append("\n" if node.tag == "br" else _collapse(node, node.text))
        return True

    def _leave(self, node: Any) -> None:
        if node.tag in _BLOCKS:
            self._flush()
        self._line.append(_collapse(node.getparent(), node.tail))

    def _flush(self) -> None:
        self.sections.add_text(normalize("".join(self._line)))
        self._line = []


def _collapse(node: Any, text: str | None) -> str:
    """Line breaks in the source mean nothing in HTML, except in `pre`."""
    if not text or (node is not None and node.tag == "pre"):
        return text or ""
    return " ".join(text.split("\n")) if text.strip() else " "


def _rows(table: Any) -> list[list[str]]:
    return [
        [normalize(" ".join(cell.itertext())) for cell in row if cell.tag in ("td", "th")]
        for row in table.iter("tr")
    ]
