"""Web pages: the text of the content, by section; menus, scripts and footers are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import HTML, damaged, damaged_by
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import Block, Heading, sections, table_of
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


@parser(HTML, libraries=("lxml.html",))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    root = _tree(decode(file.read(), declared_inside=True))
    title = normalize(root.findtext(".//title") or "") or None
    return ParsedDocument(sections(_blocks(root)), title=title)


def _tree(text: str) -> Any:
    import lxml.html
    from lxml import etree

    # Encoded again, because a declaration inside would contradict text that is decoded already.
    lenient = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
    with damaged_by("The HTML file holds no page.", etree.ParserError, etree.XMLSyntaxError):
        root = lxml.html.document_fromstring(text.encode("utf-8"), parser=lenient)
    if lenient.error_log.filter_types([etree.ErrorTypes.ERR_RESOURCE_LIMIT]):
        raise damaged("The HTML file is nested too deeply to be read as a whole.")
    return root


def _blocks(root: Any) -> Iterator[Block]:
    """Walks the tree without recursion, because the nesting of real pages has no limit."""
    from lxml import etree

    line: list[str] = []
    """The pieces of the text that is being collected; a block element ends it."""
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, node in walk:
        if event in ("comment", "pi"):
            line.append(node.tail or "")
            continue
        if event == "start" and node.tag in _LEFT_OUT:
            walk.skip_subtree()
            continue
        if node.tag in _BLOCKS:
            yield normalize("".join(line))
            line.clear()
        if event == "end":
            line.append(_collapse(node.getparent(), node.tail))
        elif node.tag == "table" and node.find(".//table") is None:
            rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in node.iter("tr")]
            texts = [[normalize(" ".join(cell.itertext())) for cell in row] for row in rows]
            if (table := table_of(texts)) is not None:
                yield table
            walk.skip_subtree()
        elif node.tag in _SECTION_HEADINGS:
            yield Heading(normalize(" ".join(node.itertext())) or None)
            walk.skip_subtree()
        else:
            line.append("\n" if node.tag == "br" else _collapse(node, node.text))
    yield normalize("".join(line))


def _collapse(node: Any, text: str | None) -> str:
    """Line breaks in the source mean nothing in HTML, except in `pre`."""
    if not text or (node is not None and node.tag == "pre"):
        return text or ""
    return " ".join(text.split("\n")) if text.strip() else " "
