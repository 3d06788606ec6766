"""What of a web page is its content, and what is navigation, decoration or hidden."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

_NEVER_SHOWN = frozenset(
    ("script", "style", "noscript", "template", "iframe", "object", "svg", "canvas", "head", "del", "rt", "rp", "select",
     "datalist")
)  # fmt: skip
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_PARTS = ("main", "article", "section")
_FRAME_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "menu", "menubar"))
_FRAME_NAMES = re.compile(
    r"(?:(?:site|global|page|main|local|side|top|foot|g|l)[-_]?)?"
    r"(?:nav|navi|navbar|navigation|menu|breadcrumbs?|topicpath|pankuzu|sidebar|footer)",
    re.I,
)
_HIDING = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.I)
_OFF_TAGS = (
    frozenset(("nav", "header", "footer", "aside", "button")),
    frozenset(("nav", "header", "footer")),
    frozenset(("nav",)),
    frozenset(("nav",)),
)
STRICTEST, LOOSEST = 0, len(_OFF_TAGS) - 1
FEWEST_LINKS, LINK_SHARE = 2, 0.8
"""A cell of a layout with so many links, to which this share of its text belongs, is a menu."""


class Content:
    """Says which elements of one page are left out, from the strictest to the loosest reading."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._layouts: dict[Any, bool] = {}

    def is_layout(self, table: Any) -> bool:
        """Whether a table only places what is in it: it holds headings or other tables, or nothing but one cell."""
        if table not in self._layouts:
            cells = table.iter("td", "th")
            is_single = next(cells, None) is not None and next(cells, None) is None
            is_stated = table.get("role") in ("presentation", "none")
            self._layouts[table] = is_single or is_stated or _holds(table, "table", *_HEADINGS, *_PARTS)
        return self._layouts[table]

    def leaves_out(self, node: Any, level: int) -> bool:
        tag = node.tag
        if tag in _NEVER_SHOWN or is_hidden(node):
            return True
        if tag in _OFF_TAGS[level]:
            return not self._is_content(node, level)
        if level > STRICTEST:
            return False
        if tag == "form":
            return not _holds(node, *_HEADINGS, "p", "table", "pre", "li", "dt", *_PARTS)
        return _is_named_frame(node) or (tag == "td" and self._is_menu(node))

    def _is_content(self, node: Any, level: int) -> bool:
        """Whether an element that usually frames a page holds its content, or a heading of it."""
        if node.tag == "button":
            return _is_within(node, _HEADINGS) or _holds(node, *_HEADINGS)
        if node.tag == "aside":
            return False
        if node.tag == "header" and (
            _is_within(node, _PARTS) or (level == STRICTEST and self._has_title(node))
        ):
            return True
        return _holds(node, "main", "article") or (
            level == LOOSEST and _holds(node, "p", "table", *_HEADINGS)
        )

    def _has_title(self, header: Any) -> bool:
        return not self._is_titled and _holds(header, "h1")

    def _is_menu(self, cell: Any) -> bool:
        """Whether a cell of a layout holds hardly anything but links."""
        table = next(cell.iterancestors("table"), None)
        if table is None or not self.is_layout(table):
            return False
        links = [_length(link) for link in cell.iter("a")]
        return len(links) >= FEWEST_LINKS and sum(links) >= LINK_SHARE * _length(cell)

    @cached_property
    def _is_titled(self) -> bool:
        """Whether a heading of the first level stands in a part of the content, or outside of what frames it."""
        return any(
            _is_within(title, _PARTS) or not _is_within(title, ("nav", "header", "footer", "aside"))
            for title in self._root.iter("h1")
        )


def is_hidden(node: Any) -> bool:
    if node.get("hidden") is not None or (node.tag == "dialog" and node.get("open") is None):
        return True
    style = node.get("style")
    return style is not None and _HIDING.search(style) is not None


def _holds(node: Any, *tags: str) -> bool:
    return next((inner for inner in node.iter(*tags) if inner is not node), None) is not None


def _is_within(node: Any, tags: tuple[str, ...]) -> bool:
    return any(outer.tag in tags for outer in node.iterancestors())


def _is_named_frame(node: Any) -> bool:
    """By its role, or by a class or an id that says so."""
    if node.get("role") in _FRAME_ROLES:
        is_frame = True
    else:
        names = f"{node.get('id', '')} {node.get('class', '')}".split()
        is_frame = any(_FRAME_NAMES.fullmatch(name) for name in names)
    return is_frame and not _holds(node, "main", "article", "h1")


def _length(node: Any) -> int:
    return len("".join("".join(node.itertext()).split()))
