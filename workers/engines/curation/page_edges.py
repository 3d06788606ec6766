"""Which of the first and last lines of a document's pages are headers, footers and page numbers.

A line goes only where it says nothing that is not said elsewhere. Of a header the first one stays, of a footer the
last one. Sentences, steps, quantities and rows of tables are content however often they repeat, and so is a line
whose number counts something other than the pages.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workers.engines.shared.text import EDGE_LINES, is_row

NOTICE = re.compile(
    r"無断.{0,20}(?:禁|ご遠慮)|all rights reserved|copyright|©|\(c\) ?[0-9]{4}"
    r"|本(?:書|資料|文書|ファイル|誌|ページ)(?:は|の|に|を).{0,60}(?:機密|社外秘|秘密情報|著作権|責任を負|開示|複製|配布)"
    r"|^(?:社外秘|極秘|関係者外秘|機密|取扱注意|confidential|internal use only)$"
    r"|(?:意図的に)?(?:白紙|空白)|intentionally left blank",
    re.I,
)
"""A notice of copyright or confidentiality."""

LONGEST_FOOTER = 120

_OF_ALL = r"(?: ?(?:/|of|中) ?(?P<all>[0-9]{1,4})(?: ?(?:ページ|頁))?)"
_FRAME = r"[-–—‐|・<>\[\]() ]*"
_BARE = re.compile(
    rf"{_FRAME}(?:p|page)?\.? ?(?P<page>[0-9]{{1,4}})(?: ?(?:ページ|頁))?{_OF_ALL}?{_FRAME}", re.I
)
_MARKED = (
    rf"(?P<page>[0-9]{{1,4}})(?: ?(?:ページ|頁))?{_OF_ALL}",
    rf"(?:p|page)\.? ?(?P<page>[0-9]{{1,4}}){_OF_ALL}?",
    r"(?P<page>[0-9]{1,4}) ?(?:ページ|頁)",
    r"[-–—] ?(?P<page>[0-9]{1,4}) ?[-–—]",
)
"""Forms in which a number can only be that of a page."""
_BESIDE_TEXT = [
    re.compile(pattern, re.I)
    for form in _MARKED
    for pattern in (rf"(?P<text>.*[^0-9\s])[ |]*{form}", rf"{form}[ |]+(?P<text>[^0-9\s].*)")
]
_PLAIN = (
    re.compile(r"(?P<text>[^0-9]*[^0-9\s]{2}) (?P<page>[0-9]{1,4})"),
    re.compile(r"(?P<page>[0-9]{1,4}) (?P<text>[^0-9\s]{2}[^0-9]*)"),
)
"""A number beside a text, with nothing that says what it counts: a page's only in the last line of the page."""

_DATE = re.compile(
    r"(?:[0-9]{4}|(?:令和|平成|昭和) ?[0-9元]{1,2}) ?[年/.-] ?[0-9]{1,2} ?[月/.-](?: ?[0-9]{1,2} ?日?)?|[0-9]{4} ?年度?"
)
_QUANTITY = re.compile(
    r"[0-9][0-9,.]* ?(?:秒|分|時間?|日|営業日|週間?|[ヶケヵカか]月|年間?|人|名|個|本|枚|台|件|回|点|式|箱|袋|セット|円|千円|万円|%|度|℃"
    r"|mm|cm|m|km|kg|g|t|l|ml|kpa|mpa|v|a|w|kw|hz|rpm)(?![0-9a-z])",
    re.I,
)
_CLAUSE = re.compile(r"(?:[。.!?」]|[るすうくむぶぐつただ]|ない|こと|せよ|ください|下さい)$")
_LIST_ITEM = re.compile(r"[・•●○*]|-(?! ?[0-9]+ ?-)|\(?[0-9]{1,2}[.)、]")


@dataclass(frozen=True)
class _Edge:
    """A line among the first or last of a page."""

    page: int
    """Which of the pages, from 0."""
    line: int
    """Which of its lines, from 0."""
    text: str
    is_first: bool
    is_last: bool


@dataclass(frozen=True)
class EdgePage:
    """A page as its edges are looked at."""

    number: int
    text: str
    is_slide: bool


def removable_lines(pages: Sequence[EdgePage], share: float) -> list[set[int]]:
    """For each page the numbers of the lines to remove. A header stands on at least this share of the pages."""
    gone: list[set[int]] = [set() for _ in pages]
    edges = list(_edges(pages))
    for edge in (*_page_numbers(pages, edges, share), *_repeated(pages, edges, share)):
        gone[edge.page].add(edge.line)
    return gone


def _edges(pages: Sequence[EdgePage]) -> Iterator[_Edge]:
    for number, page in enumerate(pages):
        lines = page.text.split("\n")
        filled = [line for line, text in enumerate(lines) if text.strip()]
        first, last = set(filled[:EDGE_LINES]), set(filled[-EDGE_LINES:])
        for line in sorted(first | last):
            yield _Edge(number, line, lines[line].strip(), line in first, line in last)


def _page_numbers(pages: Sequence[EdgePage], edges: Sequence[_Edge], share: float) -> Iterator[_Edge]:
    """Lines that hold the number of their page, counted from wherever, and otherwise the same text."""
    found: dict[tuple[str, int], list[_Edge]] = defaultdict(list)
    for edge in edges:
        for text, number in _readings(edge) if len(edge.text) <= LONGEST_FOOTER else ():
            found[text, number - pages[edge.page].number].append(edge)
    for same in found.values():
        if len({edge.page for edge in same}) >= max(2, share * len(pages)):
            yield from same


def _readings(edge: _Edge) -> Iterator[tuple[str, int]]:
    """What the line says besides, and which page it names."""
    patterns = [_BARE, *_BESIDE_TEXT]
    if edge.is_last and not edge.is_first:
        patterns += _PLAIN
    for pattern in patterns:
        if match := pattern.fullmatch(edge.text):
            groups = match.groupdict()
            yield f"{groups.get('text') or ''}/{groups.get('all') or ''}", int(groups["page"])
            return


def _repeated(pages: Sequence[EdgePage], edges: Sequence[_Edge], share: float) -> Iterator[_Edge]:
    """Lines that are the same on most pages, but for the one that stays. Notices go everywhere."""
    found: dict[str, list[_Edge]] = defaultdict(list)
    for edge in edges:
        found[edge.text].append(edge)
    for text, same in found.items():
        if len({edge.page for edge in same}) < max(2, share * len(pages)):
            continue
        if NOTICE.search(text):
            yield from same
        elif not _is_content(text) and not pages[same[0].page].is_slide:
            yield from same[1:] if same[0].is_first else same[:-1]


def _is_content(line: str) -> bool:
    undated = _DATE.sub("", line)
    return bool(
        _CLAUSE.search(line) or _LIST_ITEM.match(line) or _QUANTITY.search(undated) or is_row(undated)
    )
