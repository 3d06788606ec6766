"""RTF: paragraphs, tables and notes in their final view; the numbers of lists are those that the file writes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from workers.contract.media_types import RTF
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import undecodable
from workers.engines.ingest.file_types import damaged
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.rtf_flow import BODY_LEVEL, CellShape, Flow, joined
from workers.engines.ingest.parsers.rtf_tokens import OPEN, Text, Word, charset_of, code_page, decoded, tokens
from workers.engines.ingest.parsers.sections import Piece, block_text, sections
from workers.engines.ingest.parsers.word_numbering import LEVELS
from workers.engines.ingest.parsers.word_text import MARKS, RUBY_FIELD
from workers.engines.shared.text import normalize

_CHARACTERS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’",
    "ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ", "qmspace": " ", "~": " ", "_": "-",
    "nestcell": " | ", "nestrow": "\n",
}  # fmt: skip
_PARTS = {
    "fonttbl": "fonts", "stylesheet": "styles", "title": "title", "fldinst": "field", "footnote": "note",
    "listtext": "label", "pntext": "label", "shptxt": "box", "dptxbxtext": "box",
}  # fmt: skip
"""Destinations whose text is kept, each in its own place."""
_LOOKED_THROUGH = ("shpinst", "nesttableprops")
_LEFT_OUT = {
    "colortbl", "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "pict", "shprslt",
    "nonesttables", "filetbl", "author", "operator", "subject", "keywords", "comment", "doccomm", "company", "manager",
    "category", "hlinkbase", "creatim", "revtim", "printim", "buptim", "template", "listtable", "listoverridetable", "revtbl",
    "xe", "tc", "rxe", "objdata", "objclass", "private", "annotation", "atnid", "atnauthor", "sp",
}  # fmt: skip
_LEVELS = re.compile(r"(?:heading|見出し)\s*([1-9])", re.I)
_DEPTH = 1000


@dataclass(frozen=True)
class _State:
    """What holds in a group and ends with it."""

    part: str = "body"
    font: int | None = None
    east_font: int | None = None
    is_east: bool = False
    is_gone: bool = False
    """Deleted under change tracking, or hidden."""
    skipped: int = 1
    """Characters after each `\\u`, for programs without Unicode."""
    in_table: bool = False
    style: int = 0
    level: int | None = None
    """Of the outline, from 0."""
    depth: int = 0
    """Of the list, from 0."""


class _Reader:
    def __init__(self) -> None:
        self.flow = Flow()
        self.title = ""
        self._flows: list[Flow] = []
        self._stack: list[_State] = []
        self._now = _State()
        self._page = "cp1252"
        self._fonts: dict[int | None, int | None] = {}
        self._default_font: int | None = None
        self._style_levels: dict[int, int] = {}
        self._bytes = bytearray()
        self._to_skip = 0
        self._is_starred = False
        self._notes = dict.fromkeys(MARKS, 0)
        self._is_endnote = False
        self._collected: list[str] = []
        """The text of a label, a field's instruction, a title or a style's name."""
        self._shape = CellShape()

    def read(self, content: bytes) -> None:
        for token in tokens(content):
            if isinstance(token, Text):
                self._text(token.content)
            elif isinstance(token, Word):
                self._word(token.name, token.number)
            elif token == OPEN:
                self._open()
            elif not self._close():
                return
        raise damaged("The RTF file ends before its text does.", reason="cut_off")

    # -- groups ---------------------------------------------------------------------------
    def _open(self) -> None:
        self._flush()
        self._to_skip = 0
        if len(self._stack) > _DEPTH:
            raise damaged("The RTF file is nested too deeply.", reason="too_deep")
        self._stack.append(self._now)

    def _close(self) -> bool:
        """False at the end of the outermost group."""
        self._flush()
        self._to_skip = 0
        if not self._stack:
            raise damaged("The RTF file closes more groups than it opens.")
        ended, self._now = self._now, self._stack.pop()
        if ended.part != self._now.part:
            self._end_part(ended)
        elif ended.part == "styles":
            self._end_style(ended)
        return bool(self._stack)

    def _begin_part(self, name: str) -> None:
        part = _PARTS[name]
        self._now = replace(self._now, part=part)
        if part in ("note", "box"):
            self._flows.append(self.flow)
            self.flow, self._is_endnote = Flow(), False
            self._now = replace(self._now, in_table=False, level=None, style=0)
        self._collected = []

    def _end_part(self, ended: _State) -> None:
        text, self._collected = "".join(self._collected), []
        if ended.part in ("note", "box"):
            blocks, self.flow = self.flow.finish(), self._flows.pop()
            self.flow.append_after(blocks if ended.part == "box" else [self._note(joined(blocks))])
        elif ended.part == "label":
            self.flow.number(text)
        elif ended.part == "title":
            self.title = text
        elif ended.part == "field" and (ruby := RUBY_FIELD.fullmatch(text)) and not ended.is_gone:
            self.flow.write(ruby[2])

    def _note(self, text: str) -> Piece:
        kind = "endnotes" if self._is_endnote else "footnotes"
        self._notes[kind] += 1
        return block_text("note", f"({MARKS[kind]}{self._notes[kind]}) {normalize(text)}")

    def _end_style(self, ended: _State) -> None:
        name, self._collected = "".join(self._collected), []
        found = _LEVELS.match(name.strip().rstrip(";"))
        level = int(found[1]) - 1 if ended.level is None and found else ended.level
        if level is not None:
            self._style_levels[ended.style] = level

    # -- text -----------------------------------------------------------------------------
    def _text(self, content: bytes) -> None:
        self._is_starred = False
        if self._to_skip:
            cut = min(self._to_skip, len(content))
            self._to_skip -= cut
            content = content[cut:]
        self._bytes += content

    def _flush(self) -> None:
        """Decode the bytes that have come in one font: one of a pair may be a plain character."""
        if not self._bytes:
            return
        content, self._bytes = bytes(self._bytes), bytearray()
        if self._now.part in ("out", "fonts"):
            return
        font = (
            self._now.east_font if self._now.is_east and self._now.east_font is not None else self._now.font
        )
        charset = charset_of(self._fonts.get(font), self._page)
        if charset is None:
            self._write("・" if not content.isspace() else " ")
            return
        # Japanese programs write their own code page also in fonts that they call Western.
        encodings = [self._page, charset] if charset == "cp1252" else [charset, self._page]
        text = decoded(content, [*encodings, "cp1252"])
        if text is None:
            raise undecodable(None)
        self._write(text)

    def _write(self, text: str) -> None:
        if self._now.part in ("label", "title", "field", "styles"):
            self._collected.append(text)
        elif self._now.part in ("body", "note", "box") and not self._now.is_gone:
            self.flow.write(text)

    # -- control words --------------------------------------------------------------------
    def _word(self, name: str, number: int | None) -> None:
        if self._to_skip and name not in ("u", "*"):
            self._to_skip -= 1
            return
        self._flush()
        is_starred, self._is_starred = self._is_starred, name == "*"
        if name in _PARTS and self._now.part not in ("out", "field"):
            self._begin_part(name)
        elif name in _LEFT_OUT or (is_starred and name not in _LOOKED_THROUGH and name not in _PARTS):
            self._now = replace(self._now, part="out")
        elif self._now.part == "out":
            return
        elif name == "u" and number is not None:
            self._write(chr(number % 0x10000))
            self._to_skip = self._now.skipped
        elif name in _CHARACTERS:
            self._write(_CHARACTERS[name])
        elif name in _WORDS:
            _WORDS[name](self, number)
        elif name in _BREAKS:
            self._break(name)

    def _break(self, name: str) -> None:
        if self._now.part not in ("body", "note", "box"):
            return
        if name == "cell":
            self.flow.end_cell()
        elif name == "row":
            self.flow.end_row()
        else:
            level = self._style_levels.get(self._now.style) if self._now.level is None else self._now.level
            level = None if level is None or level >= BODY_LEVEL else level + 1
            self.flow.end_paragraph(in_table=self._now.in_table, level=level, depth=self._now.depth + 1)

    def _set(self, **values: object) -> None:
        self._now = replace(self._now, **values)

    def _font(self, number: int | None) -> None:
        self._set(font=number)

    def _font_charset(self, number: int | None) -> None:
        if self._now.part == "fonts":
            self._fonts[self._now.font] = number

    def _associated_font(self, number: int | None) -> None:
        if self._now.is_east:
            self._set(east_font=number)

    def _plain(self, number: int | None) -> None:
        self._set(font=self._default_font, is_gone=False, is_east=False)

    def _default(self, number: int | None) -> None:
        self._default_font = number
        self._set(font=number)

    def _code_page(self, number: int | None) -> None:
        self._page = code_page(number)

    def _begin_row(self, number: int | None) -> None:
        self.flow.shapes, self._shape = [], CellShape()

    def _end_shape(self, number: int | None) -> None:
        self.flow.shapes.append(replace(self._shape, right=number or 0))
        self._shape = CellShape()

    def _shape_is(self, name: str) -> None:
        self._shape = replace(self._shape, **{name: True})

    def _endnote(self, number: int | None) -> None:
        self._is_endnote = True


_BREAKS = ("par", "sect", "page", "cell", "row")
_WORDS: dict[str, Callable[[_Reader, int | None], None]] = {
    "ansicpg": _Reader._code_page,
    "pc": lambda reader, _: reader._code_page(437),
    "pca": lambda reader, _: reader._code_page(850),
    "mac": lambda reader, _: reader._code_page(10000),
    "deff": _Reader._default,
    "f": _Reader._font,
    "af": _Reader._associated_font,
    "fcharset": _Reader._font_charset,
    "loch": lambda reader, _: reader._set(is_east=False),
    "hich": lambda reader, _: reader._set(is_east=False),
    "dbch": lambda reader, _: reader._set(is_east=True),
    "plain": _Reader._plain,
    "pard": lambda reader, _: reader._set(in_table=False, level=None, style=0, depth=0),
    "intbl": lambda reader, _: reader._set(in_table=True),
    "s": lambda reader, number: reader._set(style=number or 0),
    "ilvl": lambda reader, number: reader._set(depth=min(max(number or 0, 0), LEVELS)),
    "outlinelevel": lambda reader, number: reader._set(level=None if number is None else max(number, 0)),
    "uc": lambda reader, number: reader._set(skipped=max(number or 0, 0)),
    "deleted": lambda reader, number: reader._set(is_gone=number != 0),
    # Of an HTML e-mail packed as RTF: what is only for programs that know no HTML.
    "htmlrtf": lambda reader, number: reader._set(is_gone=number != 0),
    "v": lambda reader, number: reader._set(is_gone=number != 0),
    "ftnalt": _Reader._endnote,
    "trowd": _Reader._begin_row,
    "cellx": _Reader._end_shape,
    "clmgf": lambda reader, _: reader._shape_is("begins_across"),
    "clmrg": lambda reader, _: reader._shape_is("continues_across"),
    "clvmgf": lambda reader, _: reader._shape_is("begins_down"),
    "clvmrg": lambda reader, _: reader._shape_is("continues_down"),
}


@parser(RTF)
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    reader = _Reader()
    reader.read(file.read())
    return ParsedDocument(sections(reader.flow.finish()), title=normalize(reader.title) or None)


def text_of_rtf(content: bytes) -> str:
    """Raises UserError `damaged_file`, `undecodable_text`."""
    reader = _Reader()
    reader.read(content)
    return joined(reader.flow.finish())
