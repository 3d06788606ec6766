"""Kinds of files, as people choose by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workers.contract import media_types as types
from workers.contract.media_types import MediaType

if TYPE_CHECKING:
    from documents.models import Revision

KINDS: dict[str, tuple[str | Promise, tuple[MediaType, ...]]] = {
    "pdf": ("PDF", (types.PDF,)),
    "word": ("Word", (types.DOCX, types.DOC)),
    "excel": ("Excel", (types.XLSX, types.XLS)),
    "powerpoint": ("PowerPoint", (types.PPTX, types.PPT)),
    "opendocument": ("OpenDocument", (types.ODT, types.ODS, types.ODP)),
    "rtf": ("RTF", (types.RTF,)),
    "email": (_("E-mail"), (types.EML, types.MSG)),
    "html": ("HTML", (types.HTML,)),
    "csv": (_("CSV and TSV"), (types.CSV, types.TSV)),
    "text": (_("Text and Markdown"), (types.TEXT, types.MARKDOWN)),
    "image": (_("Image"), (types.PNG, types.JPEG, types.TIFF, types.WEBP, types.BMP)),
}
"""By the name on the wire: the label, and the media types that were recognized from the bytes."""

_OTHERS: dict[str, str | Promise] = {
    types.ODT: _("OpenDocument text"),
    types.ODS: _("OpenDocument spreadsheet"),
    types.ODP: _("OpenDocument presentation"),
    types.CSV: "CSV",
    types.TSV: "TSV",
    types.TEXT: _("Text"),
    types.MARKDOWN: "Markdown",
    types.JSONL: "JSONL",
    types.ZIP: _("ZIP archive"),
}
READABLE = _(
    "PDF, Word, Excel, PowerPoint, OpenDocument, RTF, e-mail, HTML, text, Markdown, CSV, TSV, JSONL, images and ZIP "
    "archives of them"
)
"""What can be uploaded, in a sentence."""


def type_label(revision: Revision | None) -> str:
    """The name of a file's type; its media type where it has none, empty before it was read."""
    if revision is None or not revision.media_type:
        return ""
    kinds: dict[str, str | Promise] = {
        media_type: label for label, media_types in KINDS.values() for media_type in media_types
    }
    return str((kinds | _OTHERS).get(revision.media_type, revision.media_type))
