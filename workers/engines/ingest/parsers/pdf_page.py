"""The lines of one PDF page: its text, its tables, the values of its fields and its notes, in the order of reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import Any

from workers.engines.ingest.parsers.pdf_annotations import Insertion
from workers.engines.ingest.parsers.pdf_geometry import Box, Frame, united
from workers.engines.ingest.parsers.pdf_glyphs import glyphs_of, may_hold_doubles, without_doubles
from workers.engines.ingest.parsers.pdf_order import Line, Reading, item_of, upright, vertical_lines
from workers.engines.ingest.parsers.pdf_pieces import PageText, Piece
from workers.engines.ingest.parsers.pdf_rows import Item
from workers.engines.ingest.parsers.pdf_ruled import with_tables
from workers.engines.ingest.parsers.pdf_rules import rules_of
from workers.engines.shared.text import compare_key, normalize

MOST_PIECES, MOST_CHARACTERS = 5000, 50_000
"""A page with more is read as it is stored, as one block: it is a drawing or an attack, and order takes time."""
_USUAL_SIZE = 10.0
_USUAL_PAGE, _FARTHEST = Box(0.0, 0.0, 595.0, 842.0), 1e6
_UPON, _NEIGHBOURS = 0.3, 50
"""Of the type's size: texts whose heights differ by less may be one text drawn twice; and how many are compared."""


def lines_of(page: Any, textpage: Any, inserted: Sequence[Insertion]) -> list[Line]:
    page_box = page_box_of(page)
    text = PageText(textpage, page_box)
    pieces = list(islice(text.pieces(), MOST_PIECES + 1)) if len(text.text) <= MOST_CHARACTERS else []
    if len(pieces) > MOST_PIECES or len(text.text) > MOST_CHARACTERS:
        return [_as_stored(text), *(_as_stored(text, each) for each in inserted if each.text)]
    if may_hold_doubles(text.text) or _lie_upon_one_another(pieces):
        pieces = list(text.cut(without_doubles(glyphs_of(textpage, page_box))))
    size = median(piece.size for piece in pieces) if pieces else _USUAL_SIZE
    values = [
        each for each in inserted if not each.is_note and each.text and not _is_drawn(pieces, text, each)
    ]
    pieces += [piece for value in values for piece in _value_pieces(value, pieces, size)]
    lines = _in_order(pieces, rules_of(page, page_box) if pieces else [], text)
    notes = [each for each in inserted if each.is_note and not _is_drawn(pieces, text, each)]
    for note in sorted(notes, key=lambda each: (-each.box.top, each.box.left)):
        _insert_note(lines, note, size)
    return lines


def page_box_of(page: Any) -> Box:
    """In the file's coordinates; a usual page where the file says nothing sensible."""
    box = Box(*page.get_bbox())
    is_sane = all(abs(side) < _FARTHEST for side in box) and box.right > box.left and box.top > box.bottom
    return box if is_sane else _USUAL_PAGE


def _lie_upon_one_another(pieces: Sequence[Piece]) -> bool:
    """Whether a text is drawn where it stands already: to make it look bold."""
    by_height = sorted(pieces, key=lambda piece: piece.box.bottom)
    for index, piece in enumerate(by_height):
        left, bottom, right, _ = piece.box
        for other in by_height[index + 1 : index + 1 + _NEIGHBOURS]:
            if other.box.bottom - bottom > _UPON * piece.size:
                break
            shared = min(right, other.box.right) - max(left, other.box.left)
            if shared > 0.5 * min(right - left, other.box.right - other.box.left) and (
                other.text in piece.text or piece.text in other.text
            ):
                return True
    return False


def _in_order(pieces: Sequence[Piece], rules: Sequence[Box], text: PageText) -> list[Line]:
    """The text that most of the page is set in first, then what is turned otherwise."""
    turned: dict[int | None, list[Piece]] = defaultdict(list)
    for piece in pieces:
        turned[piece.quarters].append(piece)
    lengths = {quarters: sum(len(each.text) for each in some) for quarters, some in turned.items()}
    reading = Reading()
    for quarters in sorted(turned, key=lambda each: (each is None, -lengths[each])):
        frame = Frame(text.page_box, quarters or 0)
        # The rules are those of the text that most of the page is set in.
        rest, tables = with_tables(turned[quarters], rules, text, frame)
        _read(reading, rest, tables, frame)
        rules = ()
    return reading.lines


def _read(reading: Reading, pieces: Sequence[Piece], tables: Sequence[Item], frame: Frame) -> None:
    vertical = [item_of(piece, frame) for piece in pieces if piece.is_vertical]
    items = [item_of(piece, frame) for piece in pieces if not piece.is_vertical]
    if len(vertical) == 0 or _length(vertical) <= _length(items):
        reading.read([*items, *tables, *vertical_lines(vertical, frame)], frame)
        return
    # Above and below vertical lines stand titles and numbers of pages; beside them and between them, parts of them.
    around = united([item.rect for item in vertical])
    others = [*items, *tables]
    above = [item for item in others if item.rect.bottom <= around.top]
    below = [item for item in others if item.rect.top >= around.bottom]
    apart = set(map(id, (*above, *below)))
    reading.read(above, frame)
    reading.read(
        [upright(item, frame) for item in (*vertical, *others) if id(item) not in apart],
        replace(frame, vertical=True),
    )
    reading.read(below, frame)


def _length(items: Sequence[Item]) -> int:
    return sum(len(item.text) for item in items)


def _as_stored(text: PageText, inserted: Insertion | None = None) -> Line:
    shown, box = (inserted.text, inserted.box) if inserted else (text.text, text.page_box)
    return Line(shown, box, _USUAL_SIZE, 0, 0, is_apart=True, is_block=True)


# -- values and notes -----------------------------------------------------------------------
def _is_drawn(pieces: Sequence[Piece], text: PageText, insertion: Insertion) -> bool:
    """Whether the page itself shows the same text there: some programs draw the values and keep the fields."""
    box = insertion.box
    drawn = "".join(
        glyph.text
        for piece in pieces
        if piece.box.is_in(box)
        for glyph in text.glyphs(piece)
        if glyph.box is not None
        and box.left <= glyph.box.centre <= box.right
        and box.bottom <= glyph.box.middle <= box.top
    )
    value = compare_key(insertion.text)
    return bool(value) and value in compare_key(normalize(drawn))


def _value_pieces(value: Insertion, pieces: Sequence[Piece], size: float) -> Iterator[Piece]:
    """At the height of the text beside it; several lines share the height of their field."""
    box, lines = value.box, value.text.split("\n")
    level = [piece.box for piece in pieces if box.bottom <= piece.box.middle <= box.top]
    if level and len(lines) == 1:
        beside = max(level, key=lambda each: each.middle)
        box = box._replace(bottom=beside.bottom, top=beside.top)
    height = (box.top - box.bottom) / len(lines)
    for index, line in enumerate(lines):
        top = box.top - index * height
        place = Box(box.left, top - height, box.right, top)
        yield Piece(line, place, size, is_value=True)


def _insert_note(lines: list[Line], note: Insertion, size: float) -> None:
    """Below the line at its height, else below the text above it."""
    box = note.box
    level = [index for index, line in enumerate(lines) if box.bottom <= line.box.middle <= box.top]
    above = [
        (not (line.box.left <= box.right and line.box.right >= box.left), line.box.bottom, -index)
        for index, line in enumerate(lines)
        if line.box.middle > box.top
    ]
    after = max(level) if level else -min(above)[2] if above else -1
    lines.insert(after + 1, Line(note.text, box, size, -1, -1, "note", is_apart=True))
