"""What other apps erase together with a document.

The apps above register a function when Django starts, because this app knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable

from audit.services import Actor
from documents.models import Document

Erase = Callable[[Document, Actor], None]
"""Called inside the transaction that deletes the document, whose row is locked."""

registered: list[Erase] = []


def on_document_deletion(erase: Erase) -> None:
    if erase not in registered:
        registered.append(erase)
