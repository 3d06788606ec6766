"""Kinds of files, as people choose by them."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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
