"""The text of a PDF page from its lines, with its blocks: paragraphs, headings, items of lists, tables and notes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workers.contract.blocks import BlockKind, Heading, headings_after
from workers.contract.records import Page
from workers.engines.ingest.parsers.pdf_geometry import Frame, Rect
from workers.engines.ingest.parsers.pdf_order import Line
from workers.engines.ingest.parsers.pdf_pieces import HYPHEN
from workers.engines.shared.text import (
    WRAPPED_SHARE,
    display_width,
    glue,
    goes_on,
    line_shape,
    lines_with_code,
    normalize,
)

_ITEM = re.compile(
    r"[・●○■□◆◇▶※►•] *\S|[\-*] +\S|\(?[0-9一二三四五六七八九十]{1,3}[.)、](?![0-9])|[ア-ン][.、)]|\(?[a-z][.)] "
)
_SAME_SIZE = 1.12
"""Lines whose type differs by more are not one paragraph."""
_FAR = 1.6
"""Times the size of the type: lines of one paragraph are not that much further apart than others of their column."""
_INDENT = 0.8
"""Of the type's size: from there on an item of a list stands deeper."""


@dataclass(slots=True)
class PageLines:
    """One page as it was read; `lines` are normalised and hold text."""

    number: int
    frame: Frame
    """The page as it is shown."""
    lines: list[Line]
    texts: list[str]
    cut: frozenset[int] = frozenset()
    """The lines that end within a word."""

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


@dataclass(slots=True)
class Group:
    """Lines that are one piece of the text."""

    text: str
    lines: list[Line]
    kind: BlockKind = "paragraph"
    level: int | None = None
    is_edge: bool = False
    """A header or a footer."""

    @property
    def size(self) -> float:
        return self.lines[0].size


def normalized(number: int, frame: Frame, lines: Iterable[Line]) -> PageLines:
    kept = [line for line in lines if line.text.strip()]
    texts = [line.text if line.is_block else " ".join(line.text.split("\n")) for line in kept]
    # All at once is faster; a line of invisible characters goes, and then they no longer fit.
    whole = normalize("\n".join(texts)).split("\n")
    if len(whole) == len(kept) and not any(line.is_block for line in kept):
        texts_now = whole
    else:
        texts_now = [text if line.table else normalize(text) for line, text in zip(kept, texts, strict=True)]
    both = [(line, text) for line, text in zip(kept, texts_now, strict=True) if text]
    cut = frozenset(index for index, (line, _) in enumerate(both) if line.text.endswith(HYPHEN))
    return PageLines(number, frame, [line for line, _ in both], [text for _, text in both], cut)


def groups_of(page: PageLines, edges: frozenset[str]) -> list[Group]:
    """The page's lines with those joined that only the width of their column divides."""
    widest: dict[int, int] = defaultdict(int)
    widths = [
        0 if line.table else display_width(text) for line, text in zip(page.lines, page.texts, strict=True)
    ]
    for line, width in zip(page.lines, widths, strict=True):
        if width > widest[line.region]:
            widest[line.region] = width
    has_code = "```" in page.text or "~~~" in page.text
    code = [is_code for _, is_code in lines_with_code(page.text)] if has_code else None
    groups: list[Group] = []
    for index, (line, text) in enumerate(zip(page.lines, page.texts, strict=True)):
        before = page.lines[index - 1] if index else None
        is_edge = not line.is_block and bool(edges) and line_shape(text) in edges
        if before is not None and before.flow == line.flow and index - 1 in page.cut:
            groups[-1].text += text
            groups[-1].lines.append(line)
        elif (
            before is not None
            and _may_join(before, line)
            and not (is_edge or groups[-1].is_edge)
            and not (code and index < len(code) and code[index])
            and widths[index - 1] >= WRAPPED_SHARE * widest[before.region]
            and goes_on(page.texts[index - 1], text)
        ):
            groups[-1].text = glue(groups[-1].text, text)
            groups[-1].lines.append(line)
        else:
            groups.append(Group(text, [line], _kind(line, text), is_edge=is_edge))
    return groups


def _may_join(before: Line, line: Line) -> bool:
    if before.flow != line.flow or before.is_apart or line.is_apart or _has_own_mark(line):
        return False
    if before.has_gaps and line.has_gaps:
        return False
    return before.size <= _SAME_SIZE * line.size and line.size <= _SAME_SIZE * before.size


def _kind(line: Line, text: str) -> BlockKind:
    if line.kind != "text":
        return line.kind
    return "list_item" if _ITEM.match(text) or _has_own_mark(line) else "paragraph"


def _has_own_mark(line: Line) -> bool:
    """Whether it begins with a character of private use: fonts of symbols have their marks of lists there."""
    return "\ue000" <= line.text[:1] <= "\uf8ff"


# -- pages ----------------------------------------------------------------------------------
@dataclass
class HeadingPath:
    """The headings that the next block of a document stands under."""

    headings: tuple[Heading, ...] = ()


def page_of(read: PageLines, groups: Sequence[Group], path: HeadingPath) -> Page:
    """The page that the groups make; `path` goes on to the end of the page."""
    _set_item_levels(groups, read.frame)
    page = Page.model_validate(
        {
            "kind": "page",
            "number": read.number,
            "text": "\n".join(group.text for group in groups),
            "tables": [table for group in groups for line in group.lines if (table := line.table)],
            "headings": path.headings,
            "blocks": list(_blocks(groups, read.frame)),
            "width": round(read.frame.width, 2),
            "height": round(read.frame.height, 2),
        }
    )
    for group in groups:
        if group.kind == "heading":
            path.headings = headings_after(path.headings, Heading(level=group.level or 1, text=group.text))
    return page


def _blocks(groups: Sequence[Group], frame: Frame) -> Iterator[dict[str, object]]:
    """What each block is validated from, which is faster all at once."""
    start, table = 0, 0
    for group in groups:
        end, is_table = start + len(group.text), group.kind == "table"
        left, top, right, bottom = (round(side, 2) for side in _shown(group.lines, frame))
        yield {
            "start": start,
            "end": end,
            "kind": group.kind,
            "level": group.level,
            "table": table if is_table else None,
            "box": {"left": left, "top": top, "right": right, "bottom": bottom},
        }
        start, table = end + 1, table + is_table


def _shown(lines: Sequence[Line], frame: Frame) -> Rect:
    box = lines[0].box
    if len(lines) > 1:
        lefts, bottoms, rights, tops = zip(*(line.box for line in lines), strict=True)
        box = type(box)(min(lefts), min(bottoms), max(rights), max(tops))
    return frame.rect(box.clipped(frame.page))


def _set_item_levels(groups: Sequence[Group], frame: Frame) -> None:
    """By how far an item stands from the left of the items of its column."""
    columns: Mapping[int, list[tuple[float, Group]]] = defaultdict(list)
    for group in groups:
        if group.kind == "list_item":
            columns[group.lines[0].region].append((_shown(group.lines[:1], frame).left, group))
    for column in columns.values():
        level, last = 0, float("-inf")
        for left, group in sorted(column, key=lambda pair: pair[0]):
            if left - last > _INDENT * group.size:
                level += 1
                last = left
            group.level = level
