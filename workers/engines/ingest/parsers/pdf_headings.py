"""Which lines of a PDF are headings: those that its bookmarks name, else those that are numbered as such or larger."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from workers.engines.shared.text import compare_key, glue, normalize

if TYPE_CHECKING:
    from workers.engines.ingest.parsers.pdf_blocks import Group

MOST_BOOKMARKS, MOST_ON_PAGE = 20_000, 100
_DEEPEST = 9
_LARGER = 1.09
"""Times the size of most of the text."""
_LONGEST = 80
_MOST_LINES = 3
_NUMBERING = 12
"""Characters that a heading may have before its bookmark's title, for example its number."""
_NUMERAL = "[0-9〇一二三四五六七八九十百]+"
_PARTS = re.compile(
    rf"第 *{_NUMERAL} *([編章節款])(?:の *{_NUMERAL})?(?: |$|[^のにをはがと、。])|(附則|付則)(?:\(|$)"
)
_ARTICLE = re.compile(
    rf"第 *{_NUMERAL} *条(?:の *{_NUMERAL})? *(?:\([^()]*\))?$|第 *{_NUMERAL} *条 [^。、]{{1,20}}$"
)
_CAPTION = re.compile(r"\([^()]{1,40}\)$")
_DECIMAL = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,2}){0,4})\.?(?: |(?=[^\x00-\x7f]))")
_ENDS_SENTENCE = re.compile(r"[。、,;]$|\.{3,} *[0-9]*$|…")
_RANKS = {"編": 1, "章": 2, "附則": 2, "付則": 2, "節": 3, "款": 4}
_ARTICLE_RANK, _DECIMAL_RANK = 5, 6


@dataclass(frozen=True)
class Bookmark:
    level: int
    key: str


def bookmarks_of(document: Any) -> dict[int, list[Bookmark]]:
    """By the number of the page that they lead to. Empty where the file has none or they are broken."""
    found: dict[int, list[Bookmark]] = defaultdict(list)
    for bookmark in islice(_bookmarks(document), MOST_BOOKMARKS):
        target = bookmark.get_dest()
        index = target.get_index() if target else None
        key = compare_key(normalize(bookmark.get_title()))
        if index is not None and index >= 0 and key:
            found[index + 1].append(Bookmark(bookmark.level + 1, key))
    return found


def _bookmarks(document: Any) -> Iterator[Any]:
    yield from document.get_toc(max_depth=_DEEPEST)


@dataclass
class Headings:
    """What is known of a document's headings when all of its pages have been read."""

    bookmarks: Mapping[int, list[Bookmark]]
    sizes: Counter[float] = field(default_factory=Counter)
    """Characters in each size of type."""
    _body: float = 0.0
    _levels: dict[tuple[float, int], int] = field(default_factory=dict)

    def count(self, groups: Iterable[Group]) -> None:
        for group in groups:
            self.sizes[_step(group.size)] += len(group.text)

    def settle(self, pages: Iterable[Sequence[Group]]) -> None:
        """Ranks the headings of a document without bookmarks; `pages` are those of the whole document."""
        self._body = max(self.sizes, key=lambda size: (self.sizes[size], -size), default=0.0)
        if self.bookmarks:
            return
        keys = {
            key for groups in pages for group, after in _with_next(groups) if (key := self._key(group, after))
        }
        self._levels = {key: min(level, _DEEPEST) for level, key in enumerate(sorted(keys), start=1)}

    def marked(self, groups: list[Group], number: int) -> list[Group]:
        """The page's groups, with kind and level of those that are headings."""
        if self.bookmarks:
            return _marked_by(groups, self.bookmarks.get(number, [])[:MOST_ON_PAGE])
        for group, after in _with_next(groups):
            if key := self._key(group, after):
                group.kind, group.level = "heading", self._levels[key]
        return groups

    def _key(self, group: Group, after: Group | None) -> tuple[float, int] | None:
        """Sorts the headings of a document from the highest down; None for what is no heading."""
        if group.kind not in ("paragraph", "list_item") or group.is_edge or group.lines[0].is_apart:
            return None
        text = group.text
        if len(text) > _LONGEST or _ENDS_SENTENCE.search(text) or not any(map(str.isalpha, text)):
            return None
        is_larger = _step(group.size) >= _LARGER * self._body
        rank = _rank(text, after.text if after else "")
        if not is_larger:
            return (-self._body, rank) if 0 < rank < _DECIMAL_RANK and len(group.lines) == 1 else None
        return (-_step(group.size), rank) if len(group.lines) <= _MOST_LINES else None


def _step(size: float) -> float:
    return round(2 * size) / 2


def _with_next(groups: Sequence[Group]) -> Iterator[tuple[Group, Group | None]]:
    after: list[Group | None] = [*groups[1:], None]
    yield from zip(groups, after, strict=False)


def _rank(text: str, after: str) -> int:
    """By the kind of its number; 0 for none."""
    if part := _PARTS.match(text):
        return _RANKS[part[1] or part[2]]
    if _ARTICLE.match(text) or (_CAPTION.match(text) and re.match(rf"第 *{_NUMERAL} *条", after)):
        return _ARTICLE_RANK
    if decimal := _DECIMAL.match(text):
        return _DECIMAL_RANK + decimal[1].count(".")
    return 0


def _marked_by(groups: list[Group], bookmarks: Sequence[Bookmark]) -> list[Group]:
    """With the headings that the bookmarks name, each of which may take several lines."""
    marked: list[Group] = []
    open_marks = list(bookmarks)
    first = 0
    while first < len(groups):
        heading, end = groups[first], first + 1
        for bookmark in open_marks:
            if count := _lines_named(groups, first, bookmark.key):
                end = first + count
                for more in groups[first + 1 : end]:
                    heading.text = glue(heading.text, more.text)
                    heading.lines += more.lines
                heading.kind, heading.level = "heading", bookmark.level
                open_marks.remove(bookmark)
                break
        marked.append(heading)
        first = end
    return marked


def _lines_named(groups: Sequence[Group], first: int, name: str) -> int:
    """How many lines from `first` on are the heading that the bookmark names; 0 for none."""
    key = ""
    for count, group in enumerate(groups[first : first + _MOST_LINES], start=1):
        if group.kind in ("table", "note") or len(group.text) > 2 * len(name) + _NUMBERING:
            return 0
        key += compare_key(group.text)
        more = len(key) - len(name)
        # Before the title stands its number, but not a line of its own such as the number of the page.
        if key.endswith(name) and more <= _NUMBERING and more < len(compare_key(groups[first].text)):
            return count
        if more > _NUMBERING:
            return 0
    return 0
