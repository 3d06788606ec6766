"""What stands on a PDF page beside its text: values of form fields, free texts and notes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workers.engines.ingest.parsers.pdf_geometry import Box
from workers.engines.shared.text import normalize

TICKED, UNTICKED = "☑", "☐"
NOTE = "【注釈: {}】"
_HIDDEN = 0x2 | 0x20
"""Flags: hidden, and not to be shown on the screen."""
_PASSWORD = 1 << 13
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Insertion:
    """What stands at a place of the page without being part of its text."""

    text: str
    box: Box
    is_note: bool = False
    """A line of its own, below the one at its height; else a value beside the text at its height."""


def insertions(document: Any, page: Any) -> list[Insertion]:
    """In no order. Hidden ones, passwords, buttons and signatures are left out."""
    import pypdfium2.raw as pdfium

    found = []
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            if not pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN:
                found += _insertion(document.formenv, annotation)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return found


def _insertion(forms: Any, annotation: Any) -> Iterator[Insertion]:
    import pypdfium2.raw as pdfium

    rectangle = pdfium.FS_RECTF()
    if not pdfium.FPDFAnnot_GetRect(annotation, ctypes.byref(rectangle)):
        return
    box = Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
    if pdfium.FPDFAnnot_GetSubtype(annotation) == pdfium.FPDF_ANNOT_WIDGET:
        if forms is not None and (value := _field_value(forms, annotation)) is not None:
            yield Insertion(normalize(value), box)
    elif pdfium.FPDFAnnot_GetSubtype(annotation) in _noted():
        contents = _string(lambda *room: pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", *room))
        if text := normalize(contents):
            yield Insertion(NOTE.format(" ".join(text.split("\n"))), box, is_note=True)


def _noted() -> tuple[int, ...]:
    """Kinds of annotations that people write texts in."""
    import pypdfium2.raw as pdfium

    return (
        pdfium.FPDF_ANNOT_TEXT, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_HIGHLIGHT, pdfium.FPDF_ANNOT_UNDERLINE,
        pdfium.FPDF_ANNOT_SQUIGGLY, pdfium.FPDF_ANNOT_STRIKEOUT, pdfium.FPDF_ANNOT_STAMP, pdfium.FPDF_ANNOT_CARET,
        pdfium.FPDF_ANNOT_SQUARE, pdfium.FPDF_ANNOT_CIRCLE, pdfium.FPDF_ANNOT_LINE, pdfium.FPDF_ANNOT_POLYGON,
        pdfium.FPDF_ANNOT_POLYLINE, pdfium.FPDF_ANNOT_INK,
    )  # fmt: skip


def _field_value(forms: Any, annotation: Any) -> str | None:
    """None for a field that nobody fills in with a text, a choice or a tick."""
    import pypdfium2.raw as pdfium

    kind = pdfium.FPDFAnnot_GetFormFieldType(forms, annotation)
    if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
        return TICKED if pdfium.FPDFAnnot_IsChecked(forms, annotation) else UNTICKED
    if kind in (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
        chosen = _chosen(forms, annotation)
        if chosen:
            return "、".join(chosen)
    elif kind != pdfium.FPDF_FORMFIELD_TEXTFIELD:
        return None
    if kind == pdfium.FPDF_FORMFIELD_TEXTFIELD and (
        pdfium.FPDFAnnot_GetFormFieldFlags(forms, annotation) & _PASSWORD
    ):
        return ""
    return _string(lambda *room: pdfium.FPDFAnnot_GetFormFieldValue(forms, annotation, *room))


def _chosen(forms: Any, annotation: Any) -> list[str]:
    """The labels of the chosen options: the value may be a code that nobody sees."""
    import pypdfium2.raw as pdfium

    def label(index: int) -> str:
        return _string(lambda *room: pdfium.FPDFAnnot_GetOptionLabel(forms, annotation, index, *room))

    count = pdfium.FPDFAnnot_GetOptionCount(forms, annotation)
    return [
        label(index) for index in range(count) if pdfium.FPDFAnnot_IsOptionSelected(forms, annotation, index)
    ]


def _string(ask: Callable[[Any, int], int]) -> str:
    """A text that the library writes into a buffer, after it has said how long it is."""
    import pypdfium2.raw as pdfium

    size = min(ask(None, 0), _MOST_BYTES)
    if size <= 2:
        return ""
    room = ctypes.create_string_buffer(size)
    ask(ctypes.cast(room, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return room.raw.decode("utf-16-le", errors="ignore").partition("\0")[0]
