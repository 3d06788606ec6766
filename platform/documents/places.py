"""Where in a document something stands, in words: `page 3`, `sheet “FAQ” B2:C2`."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _


def place_text(*, kind: str, number: int | str, label: str | None, cells: str | None) -> str:
    if kind == "page":
        text = _("page %(number)s") % {"number": number}
    elif kind == "slide":
        text = _("slide %(number)s") % {"number": number}
    elif kind == "sheet":
        text = _("sheet “%(label)s”") % {"label": label or number}
    else:
        text = label or _("section %(number)s") % {"number": number}
    return f"{text} {cells}" if cells else text


def place_url(document_id: str, number: int, revision_id: str) -> str:
    """The document's page, opened where page (sheet, slide) `number` of that revision's text begins."""
    query = urlencode({"page": max(0, number - 1), "revision": revision_id})
    return f"{reverse('documents:detail', args=[document_id])}?{query}#page-{number}"
