"""Kinds of files, as people choose by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from documents.models import Revision

KINDS: dict[str, tuple[str | Promise, tuple[str, ...]]] = {
    "pdf": ("PDF", ("application/pdf",)),
    "word": ("Word", ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",)),
    "excel": ("Excel", ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",)),
    "powerpoint": (
        "PowerPoint",
        ("application/vnd.openxmlformats-officedocument.presentationml.presentation",),
    ),
    "html": ("HTML", ("text/html",)),
    "csv": ("CSV", ("text/csv",)),
    "text": (_("Text and Markdown"), ("text/plain", "text/markdown")),
}
"""By the name on the wire: the label, and the media types that were recognized from the bytes."""

_OTHERS: dict[str, str | Promise] = {
    "text/plain": _("Text"),
    "text/markdown": "Markdown",
    "application/jsonl": "JSONL",
}


def type_label(revision: Revision | None) -> str:
    """The name of a file's type; its media type where it has none, empty before it was read."""
    if revision is None or not revision.media_type:
        return ""
    kinds = {media_type: label for label, media_types in KINDS.values() for media_type in media_types}
    return str((kinds | _OTHERS).get(revision.media_type, revision.media_type))
