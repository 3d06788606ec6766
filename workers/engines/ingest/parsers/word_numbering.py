"""The numbers that Word counts by itself, and the styles that ask for them.

`numbering.xml` defines lists (`w:abstractNum`) of nine levels and their uses (`w:num`), which may change levels and
begin anew. A paragraph names a use and a level, or its style does, or a style that one is based on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from workers.engines.ingest.parsers.word_counters import written

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LEVELS = 9
_LONGEST_LABEL_FORMAT = 255
_LARGEST_START = 2**31 - 1
_HEADING_STYLE = re.compile(r"(?:heading|見出し)\s*([1-9])\b", re.I)
_TITLE_STYLE = re.compile(r"title|表題", re.I)
_MARKS = frozenset("・●○■□◆◇▶▲△▼▽※►•◎★☆-–—*→➢✓")
_PLAIN_MARK = "・"
"""For a bullet that is a letter of a font of symbols."""
_ARTICLE_LABEL = re.compile(r"第.+[編章節款条項号目](?:の.+)?")
_OPENING = ("(", "（", "【")


@dataclass(frozen=True)
class Level:
    """One level of a list, as one use of the list shows it."""

    start: int = 1
    number_format: str = "decimal"
    sample: str = ""
    text: str = ""
    suffix: str = "tab"
    restarts_after: int | None = None
    """Number of the level, from 1, after which this one begins anew; None: after any above it; 0: never."""
    is_legal: bool = False
    """All numbers in its text are decimal."""
    style: str | None = None

    @property
    def is_bullet(self) -> bool:
        return self.number_format == "bullet"


@dataclass(frozen=True)
class Number:
    label: str
    level: Level
    depth: int = 1
    """Of the list that it is an item of, 1 for the outermost."""

    @property
    def is_item(self) -> bool:
        """An article of a regulation is none, though Word counts it as one."""
        return self.label != "" and _ARTICLE_LABEL.fullmatch(self.label) is None

    def before(self, text: str) -> str:
        """The text after its number, as Word shows them; an article's title follows its number without a space."""
        text = text.lstrip()
        if not self.label or (self.level.is_bullet and not text):
            return text
        is_article = _ARTICLE_LABEL.fullmatch(self.label) is not None
        if is_article and text.startswith(_OPENING):
            return self.label + text
        runs_together = self.label[-1].isdigit() and text[:1].isdigit()
        is_apart = self.level.suffix != "nothing" or is_article or runs_together
        return f"{self.label} {text}" if text and is_apart else self.label + text


@dataclass
class _List:
    """A list definition, the counters of which all its uses share."""

    levels: dict[int, Level]
    counters: list[int | None] = field(default_factory=lambda: [None] * LEVELS)


@dataclass(frozen=True)
class _Use:
    """A `w:num`: the list with this use's own levels; `begins` holds where a level begins anew at its first item."""

    list: _List
    levels: dict[int, Level]
    begins: dict[int, int]


class Styles:
    """The paragraph styles of a document."""

    def __init__(self, root: Any) -> None:
        styles = [] if root is None else root.findall(f"{W}style")
        self._by_id = {style.get(f"{W}styleId"): style for style in styles}
        self._may_hide = any(style.find(f"{W}rPr/{W}vanish") is not None for style in styles)
        defaults = (style for style in styles if style.get(f"{W}default") in ("1", "true", "on"))
        self._default = next(
            (style.get(f"{W}styleId") for style in defaults if style.get(f"{W}type") == "paragraph"), None
        )

    def chain(self, style_id: str | None) -> Iterator[Any]:
        """The style (the default one for None) and those that it is based on."""
        seen = set()
        name = style_id if style_id in self._by_id else self._default
        while name in self._by_id and name not in seen:
            seen.add(name)
            yield self._by_id[name]
            name = _value(self._by_id[name].find(f"{W}basedOn"))

    def numbered_use(self, style_id: str) -> str | None:
        """The use that a style of lists names."""
        style = self._by_id.get(style_id)
        return None if style is None else _value(style.find(f"{W}pPr/{W}numPr/{W}numId"))

    def heading_level(self, paragraph: Any) -> int | None:
        """By the outline level (of the text: none); by the name of its style where none is stated."""
        properties = paragraph.find(f"{W}pPr")
        own = None if properties is None else properties.find(f"{W}outlineLvl")
        if own is not None:
            return _outline_level(own)
        for style in self.chain(style_of(paragraph)):
            stated = style.find(f"{W}pPr/{W}outlineLvl")
            if stated is not None:
                return _outline_level(stated)
            if named := _HEADING_STYLE.match(_value(style.find(f"{W}name")) or ""):
                return int(named[1])
        return None

    def hides(self, run: Any) -> bool:
        """Whether the run is hidden: by itself, by its style, or by the style of its paragraph."""
        properties = run.find(f"{W}rPr")
        own = None if properties is None else properties.find(f"{W}vanish")
        if own is not None:
            return _is_on(own)
        if not self._may_hide:
            return False
        named = None if properties is None else _value(properties.find(f"{W}rStyle"))
        paragraph = next(run.iterancestors(f"{W}p"), None)
        of_paragraph = None if paragraph is None else style_of(paragraph)
        styles = [*(self.chain(named) if named in self._by_id else ()), *self.chain(of_paragraph)]
        found = (style.find(f"{W}rPr/{W}vanish") for style in styles)
        return next((_is_on(each) for each in found if each is not None), False)

    def is_title(self, paragraph: Any) -> bool:
        """Whether it has the style of a document's title."""
        style = next(self.chain(style_of(paragraph)), None)
        return style is not None and _TITLE_STYLE.fullmatch(_value(style.find(f"{W}name")) or "") is not None


class Numbering:
    """Counts the numbered paragraphs of one document in their order."""

    def __init__(self, root: Any, styles: Styles) -> None:
        self.styles = styles
        self._uses = {} if root is None else _uses(root, styles)
        self._begun: set[tuple[str, int]] = set()

    def count(self, paragraph: Any) -> Number | None:
        """The number of the paragraph, which counts for those after it; None for one without."""
        use_id, index = self._place(paragraph)
        use = self._uses.get(use_id or "")
        if use_id is None or use is None or index not in use.levels:
            return None
        self._count(use_id, use, index)
        return Number(_label(use, index), use.levels[index], index + 1)

    def _place(self, paragraph: Any) -> tuple[str | None, int]:
        """The use and the level of a paragraph, from itself and from its style."""
        use_id = index = linked = None
        own = paragraph.find(f"{W}pPr/{W}numPr")
        styles = [
            (style.get(f"{W}styleId"), style.find(f"{W}pPr/{W}numPr")) for style in self._chain(paragraph)
        ]
        for style_id, properties in [(None, own), *styles]:
            if properties is None:
                continue
            if index is None:
                index = _value(properties.find(f"{W}ilvl"))
            if (found := _value(properties.find(f"{W}numId"))) is not None:
                use_id, linked = found, style_id
                break
        if index is None and linked is not None and (use := self._uses.get(use_id or "")):
            # The level names its style, and the style only the list.
            index = next((str(at) for at, level in use.levels.items() if level.style == linked), None)
        return use_id, _integer(index, 0)

    def _chain(self, paragraph: Any) -> Iterator[Any]:
        return self.styles.chain(style_of(paragraph))

    def _count(self, use_id: str, use: _Use, index: int) -> None:
        counters = use.list.counters
        for above in range(index):
            if counters[above] is None and above in use.levels:
                counters[above] = use.levels[above].start
        now = counters[index]
        if index in use.begins and (use_id, index) not in self._begun:
            now = None
        self._begun.add((use_id, index))
        counters[index] = use.levels[index].start if now is None else now + 1
        for below in range(index + 1, LEVELS):
            after = use.levels[below].restarts_after if below in use.levels else None
            if after is None or index < after:
                counters[below] = None


def _label(use: _Use, index: int) -> str:
    level = use.levels[index]
    if level.is_bullet:
        return bullet_mark(level.text)

    def number(match: re.Match[str]) -> str:
        at = int(match[1]) - 1
        shown, counted = use.levels.get(at), use.list.counters[at]
        if shown is None or counted is None or shown.is_bullet or at > index:
            return ""
        is_decimal = level.is_legal and shown.number_format != "none"
        return str(counted) if is_decimal else written(counted, shown.number_format, shown.sample)

    return re.sub(r"%([1-9])", number, level.text).strip()


def bullet_mark(text: str) -> str:
    mark = text.strip()
    return mark if mark in _MARKS else _PLAIN_MARK


def _is_on(element: Any) -> bool:
    return (_value(element) or "true") not in ("0", "false", "off")


def _outline_level(stated: Any) -> int | None:
    """1 for the highest; the tenth is that of the text."""
    level = _integer(_value(stated), LEVELS) + 1
    return level if level <= LEVELS else None


def style_of(paragraph: Any) -> str | None:
    return _value(paragraph.find(f"{W}pPr/{W}pStyle"))


# -- numbering.xml --------------------------------------------------------------------------
def _uses(root: Any, styles: Styles) -> dict[str, _Use]:
    elements = {each.get(f"{W}abstractNumId"): each for each in root.findall(f"{W}abstractNum")}
    named = {each.get(f"{W}numId"): each for each in root.findall(f"{W}num")}
    lists: dict[str, _List] = {}
    uses = {}
    for use_id, element in named.items():
        list_id = _list_id(element, elements, named, styles)
        if list_id is None or use_id is None:
            continue
        if list_id not in lists:
            lists[list_id] = _List(dict(map(_level, elements[list_id].findall(f"{W}lvl"))))
        uses[use_id] = _use(element, lists[list_id])
    return uses


def _list_id(use: Any, lists: dict[Any, Any], uses: dict[Any, Any], styles: Styles) -> str | None:
    """The list of a use; one without levels names a style of lists, which names the use that has them."""
    list_id = _value(use.find(f"{W}abstractNumId"))
    for _ in range(LEVELS):
        if list_id not in lists:
            return None
        link = _value(lists[list_id].find(f"{W}numStyleLink"))
        other = uses.get(styles.numbered_use(link)) if link is not None else None
        if other is None:
            return list_id
        list_id = _value(other.find(f"{W}abstractNumId"))
    return None


def _use(element: Any, base: _List) -> _Use:
    levels, begins = dict(base.levels), {}
    for override in element.findall(f"{W}lvlOverride"):
        index = _integer(override.get(f"{W}ilvl"), 0)
        if (own := override.find(f"{W}lvl")) is not None:
            levels[index] = _level(own)[1]
        start = override.find(f"{W}startOverride")
        if start is not None and index in levels:
            begins[index] = _integer(_value(start), 1)
            levels[index] = replace(levels[index], start=begins[index])
    return _Use(base, {at: level for at, level in levels.items() if 0 <= at < LEVELS}, begins)


def _level(element: Any) -> tuple[int, Level]:
    # A format of newer versions stands before the one for older versions.
    number_format = next(element.iter(f"{W}numFmt"), None)
    text = (_value(element.find(f"{W}lvlText")) or "")[:_LONGEST_LABEL_FORMAT]
    restart = _value(element.find(f"{W}lvlRestart"))
    legal = element.find(f"{W}isLgl")
    return _integer(element.get(f"{W}ilvl"), 0), Level(
        start=_integer(_value(element.find(f"{W}start")), 0),
        number_format=_value(number_format) or "decimal",
        sample="" if number_format is None else number_format.get(f"{W}format", "")[:_LONGEST_LABEL_FORMAT],
        text=text,
        suffix=_value(element.find(f"{W}suff")) or "tab",
        restarts_after=None if restart is None else _integer(restart, 0),
        is_legal=legal is not None and _is_on(legal),
        style=_value(element.find(f"{W}pStyle")),
    )


def _value(element: Any) -> str | None:
    return None if element is None else element.get(f"{W}val")


def _integer(text: str | None, default: int) -> int:
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= 10
    return min(int(text), _LARGEST_START) if is_number and text is not None else default
