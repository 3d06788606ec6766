"""Reads the cells of one sheet as Excel shows them, and what it does not show."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from workers.contract.cells import column_letters, column_number
from workers.engines.ingest.parsers.excel_dates import serial_of
from workers.engines.ingest.parsers.excel_formats import BUILT_IN, GENERAL, general, shown_number, shown_text
from workers.engines.ingest.parsers.tables import Merge
from workers.engines.shared.text import normalize_layout

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_PLAIN = re.compile(r"[0-9A-Za-z.,:/%+-]*")
"""Most cells are numbers; what has only these characters is in its normal form."""
_ON = ("1", "true", "on")


@dataclass(frozen=True)
class Look:
    """How a workbook's values are shown."""

    formats: Sequence[str]
    """Codes by style."""
    texts: Sequence[str]
    """The shared ones."""
    is_1904: bool = False
    recalculates: bool = False
    """Excel computes all formulas when it opens the workbook: who wrote it may have stored zeros as results."""

    def code(self, style: int) -> str:
        return self.formats[style] if 0 <= style < len(self.formats) else GENERAL

    def number(self, value: float, style: int) -> str:
        shown = shown_number(value, self.code(style), is_1904=self.is_1904)
        return general(value) if shown is None else shown


@dataclass
class Sheet:
    """Rows and columns from 0; what is hidden is among them."""

    rows: dict[int, list[str]] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    without_result: list[str] = field(default_factory=list)
    """Cells with a formula, of which the workbook does not store what it gave."""


def cell_text(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else normalize_layout(text).strip()


def read_styles(part: BinaryIO) -> list[str]:
    """The format code of each cell style."""
    from lxml import etree

    root = etree.parse(part, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    codes = {each.get("numFmtId"): each.get("formatCode", "") for each in root.iter("{*}numFmt")}
    styles = root.find("{*}cellXfs")
    ids = [each.get("numFmtId", "0") for each in (() if styles is None else styles)]
    return [codes.get(name) or BUILT_IN.get(_natural(name), GENERAL) for name in ids]


def read_sheet(part: BinaryIO, look: Look) -> Sheet:
    from lxml import etree

    sheet = Sheet()
    reader = _Reader(sheet, look)
    handlers = {"row": reader.row, "col": reader.column, "mergeCell": reader.merge}
    tags = [f"{{*}}{name}" for name in handlers]
    for _, element in etree.iterparse(part, tag=tags, resolve_entities=False, no_network=True):
        handlers[etree.QName(element).localname](element)
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return sheet


class _Reader:
    def __init__(self, sheet: Sheet, look: Look) -> None:
        self._sheet = sheet
        self._look = look
        self._last_row = -1
        self._shared: dict[str, Any] = {}
        """By its number, a formula that other cells share."""
        self._values: dict[str, Callable[[str, int], str]] = {
            "n": self._number,
            "s": lambda text, style: shown_text(look.texts[int(text)], look.code(style)),
            "str": lambda text, style: shown_text(text, look.code(style)),
            "b": lambda text, style: "TRUE" if text in _ON else "FALSE",
            "d": self._date,
        }

    def column(self, element: Any) -> None:
        if element.get("hidden") in _ON or element.get("width") == "0":
            first, last = _natural(element.get("min")), min(_natural(element.get("max")), MOST_COLUMNS)
            self._sheet.hidden_columns.update(range(max(first - 1, 0), last))

    def merge(self, element: Any) -> None:
        first, _, last = element.get("ref", "").partition(":")
        top, left = _place(first)
        bottom, right = _place(last or first)
        self._sheet.merges.append(Merge(top, left, bottom, right))

    def row(self, element: Any) -> None:
        stated = element.get("r")
        number = self._last_row + 1 if stated is None else int(float(stated)) - 1
        if not 0 <= number < MOST_ROWS:
            raise ValueError("a row outside of the sheet")
        self._last_row = number
        if element.get("hidden") in _ON or element.get("ht") == "0":
            self._sheet.hidden_rows.add(number)
        texts: list[str] = []
        for cell in element.iterchildren("{*}c"):
            column = _place(cell.get("r"))[1] if cell.get("r") else len(texts)
            texts += [""] * (column + 1 - len(texts))
            texts[column] = cell_text(self._text(cell, number, column))
        if any(texts):
            self._sheet.rows.setdefault(number, texts)

    def _text(self, cell: Any, row: int, column: int) -> str:
        kind, style = cell.get("t", "n"), _natural(cell.get("s"))
        if kind == "inlineStr":
            inline = cell.find("{*}is")
            return "" if inline is None else shown_text(_plain(inline), self._look.code(style))
        stored, formula = cell.findtext("{*}v"), cell.find("{*}f")
        if formula is not None:
            place = f"{column_letters(column)}{row + 1}"
            written = self._formula(formula, place)
            if self._has_no_result(kind, stored):
                self._sheet.without_result.append(place)
                return written
        return self._values.get(kind, lambda text, _: text)(stored, style) if stored else ""

    def _has_no_result(self, kind: str, stored: str | None) -> bool:
        is_empty = not stored and (stored is None or kind != "str")
        return is_empty or (self._look.recalculates and kind == "n" and stored == "0")

    def _formula(self, element: Any, place: str) -> str:
        """`=B2*C2`; of a formula that cells share only the first has the text."""
        from openpyxl.formula.translate import Translator

        text, shared = f"={element.text or ''}", element.get("si")
        if element.get("t") != "shared" or shared is None:
            return text
        if element.text:
            self._shared[shared] = Translator(text, place)
        elif shared in self._shared:
            return str(self._shared[shared].translate_formula(place))
        return text

    def _number(self, text: str, style: int) -> str:
        value = float(text)
        if not math.isfinite(value):
            return text
        is_long = value.is_integer() and abs(value) >= 1e15 and self._look.code(style) == GENERAL
        return text if is_long and text.isdigit() else self._look.number(value, style)

    def _date(self, text: str, style: int) -> str:
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            return text
        return self._look.number(serial_of(moment, self._look.is_1904), style)


def _plain(inline: Any) -> str:
    """The text of runs, without the readings of kanji."""
    runs = (
        each if each.tag.endswith("}t") else each.find("{*}t") for each in inline.iterchildren("{*}t", "{*}r")
    )
    return "".join(run.text or "" for run in runs if run is not None)


def _place(text: str) -> tuple[int, int]:
    """Row and column of `C5`, from 0."""
    match = _PLACE.fullmatch(text.replace("$", ""))
    if match is None:
        raise ValueError("not a cell")
    row, column = int(match[2]) - 1, column_number(match[1])
    if not (0 <= row < MOST_ROWS and column < MOST_COLUMNS):
        raise ValueError("a cell outside of the sheet")
    return row, column


def _natural(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else 0
