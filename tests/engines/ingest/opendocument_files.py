"""Makes OpenDocument files from the XML of their bodies."""

from __future__ import annotations

import io
import zipfile

_NAMES = ("office", "text", "table", "style", "draw", "presentation", "svg", "meta")
_URN = {"draw": "drawing", "svg": "svg-compatible"}
NAMESPACES = " ".join(
    [f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{_URN.get(name, name)}:1.0"' for name in _NAMES]
    + [
        'xmlns:loext="urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0"',
        'xmlns:dc="http://purl.org/dc/elements/1.1/"',
    ]
)
TYPE = "application/vnd.oasis.opendocument."


def opendocument(
    kind: str,
    body: str,
    *,
    styles: str = "",
    title: str = "",
    template: bool = False,
    encrypted: bool = False,
    document_type: str = "",
) -> bytes:
    """`kind`: text, spreadsheet or presentation; `styles` are the automatic ones, in `content.xml`."""
    manifest_namespace = 'xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
    secret = "<m:encryption-data/>" if encrypted else ""
    parts = {
        "mimetype": f"{TYPE}{kind}{'-template' if template else ''}",
        "META-INF/manifest.xml": f'<m:manifest {manifest_namespace}><m:file-entry m:full-path="/">{secret}</m:file-entry></m:manifest>',
        "content.xml": f"{document_type}<office:document-content {NAMESPACES}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>",
        "meta.xml": f"<office:document-meta {NAMESPACES}><office:meta><dc:title>{title}</dc:title></office:meta></office:document-meta>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return buffer.getvalue()


def list_style(name: str, *levels: str) -> str:
    """`levels`: the attributes of each level's style, or of a bullet where they name one."""
    shown = "".join(
        f'<text:list-level-style-{"bullet" if "bullet-char" in each else "number"} text:level="{number}" {each}/>'
        for number, each in enumerate(levels, 1)
    )
    return f'<text:list-style style:name="{name}">{shown}</text:list-style>'


def items(*contents: str, attributes: str = "") -> str:
    shown = "".join(f"<text:list-item>{each}</text:list-item>" for each in contents)
    return f"<text:list {attributes}>{shown}</text:list>"


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def row(*cells: str, attributes: str = "") -> str:
    """A cell is its text, or the whole element."""
    shown = "".join(
        each
        if each.startswith("<table:")
        else f"<table:table-cell>{p(each) if each else ''}</table:table-cell>"
        for each in cells
    )
    return f"<table:table-row {attributes}>{shown}</table:table-row>"


def cell(text: str = "", attributes: str = "") -> str:
    return f"<table:table-cell {attributes}>{p(text) if text else ''}</table:table-cell>"


COVERED = "<table:covered-table-cell/>"


def table(*rows: str, name: str = "表", attributes: str = "") -> str:
    return f'<table:table table:name="{name}" {attributes}>{"".join(rows)}</table:table>'
