"""The blocks of plain text: headings of regulations, list items and notes are known by how their line begins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.contract.blocks import Block, BlockKind
from workers.engines.shared.text import continues, display_width, is_row, lines_with_code

_NUMERAL = "[0-9一二三四五六七八九十百]+"
_PARTS = "編章節款"
_PART = re.compile(rf"第 *{_NUMERAL} *([{_PARTS}])(?:の *{_NUMERAL})*(?![のにをはがとへで、。])[^。]{{0,40}}")
_ARTICLE_ALONE = re.compile(rf"第 *{_NUMERAL} *条(?:の *{_NUMERAL})* *(?:\([^()]{{1,40}}\))?")
_SUPPLEMENT = re.compile(rf"(?:[附付] *則|別 *[表紙](?: *第? *{_NUMERAL})?)(?: *\([^()]{{1,40}}\))?")
_CONTENTS = re.compile(r"\.{3}|・{3}|…")
"""A line of a table of contents has a row of dots."""
_SUPPLEMENT_LEVEL, _ARTICLE_LEVEL, _MARKED_LEVEL = 2, 5, 6
_MARKED_HEADING = re.compile(r"[■◆] ?[^。、]{1,40}|【[^】]{1,40}】")
"""A heading if text follows; one after the other they are a list."""
_HEADING_MARKS = ("■", "◆", "【")
MOST_LINES = 100_000
_FULL_SHARE = 0.75
"""Of the widest line: a line as wide as that may be continued by the next one."""
_NOTE = re.compile(r"※|[(]?(?:文末)?注 *[0-9]*[)]|注 *[0-9]*[:.]")
_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("bullet", re.compile(r"[・●○□◇▶►•✓➢] ?[\w「『(]|[-*+–] ")),
    ("number.", re.compile(r"[0-9]{1,3}[.)](?![0-9])")),
    ("number", re.compile(r"[0-9]{1,2} (?=[^\x00-\x7f])")),
    ("(number)", re.compile(r"\([0-9]{1,3}\)")),
    ("kanji", re.compile(r"[一二三四五六七八九十]{1,3} ")),
    ("(kanji)", re.compile(r"\([一二三四五六七八九十]{1,3}\)")),
    ("kana", re.compile(r"[アイウエオカキクケコサシスセソタチツテトナニヌネノ](?:[.)]| )")),
    ("(kana)", re.compile(r"\([アイウエオカキクケコサシスセソタチツテトナニヌネノ]\)")),
    ("letter", re.compile(r"[a-z][.)] ")),
    ("(letter)", re.compile(r"\([a-z]\)")),
)
"""How an item of a list begins, in normalised text, in which ① is (1)."""


class LineKinds:
    """Says of one line after the other what it begins: the level of an item depends on those before it."""

    def __init__(self, stated_level: int = 0) -> None:
        self.stated_level = stated_level
        """Of the heading that stands above, as its document states it; headings of regulations are below that."""
        self._open: list[str] = []
        """The marks of the lists that the last item stands in, from the outermost."""

    def of(self, line: str) -> tuple[BlockKind, int | None] | None:
        """Kind and level; None for a line that begins a paragraph, or continues something."""
        text = line.strip()
        if (level := regulation_level(text)) is not None:
            self.end_lists()
            return "heading", self.stated_level + level
        if _NOTE.match(text):
            return "note", None
        if text.startswith(_HEADING_MARKS) and (text[0] != "【" or _MARKED_HEADING.fullmatch(text)):
            self.end_lists()
            return "list_item", 1
        for mark, pattern in _MARKS:
            if pattern.match(text):
                indent = line[: len(line) - len(line.lstrip())]
                return "list_item", self._level(indent + (text[0] if mark == "bullet" else mark))
        return None

    def end_lists(self) -> None:
        self._open.clear()

    def _level(self, mark: str) -> int:
        if mark in self._open:
            del self._open[self._open.index(mark) + 1 :]
        else:
            self._open.append(mark)
        return len(self._open)


def regulation_level(text: str) -> int | None:
    """第1編 1, 章 2, 節 3, 款 4; an article without its text on the line 5; None for what is no heading."""
    if (part := _PART.fullmatch(text)) and not _CONTENTS.search(text):
        return _PARTS.index(part[1]) + 1
    if _ARTICLE_ALONE.fullmatch(text):
        return _ARTICLE_LEVEL
    return _SUPPLEMENT_LEVEL if _SUPPLEMENT.fullmatch(text) else None


def text_blocks(text: str, kinds: LineKinds) -> Iterator[Block]:
    """A paragraph ends at a blank line, before a line that begins something, and where the next line does not
    continue its last sentence. Fenced code is one block, and so is a text of very many lines."""
    if text.count("\n") > MOST_LINES:
        yield Block(kind="paragraph", start=0, end=len(text))
        return
    blocks = list(_blocks(text, kinds))
    marks = ["", *(_heading_mark(text, block) for block in blocks), ""]
    for number, block in enumerate(blocks, 1):
        is_alone = marks[number] not in ("", marks[number - 1], marks[number + 1])
        if is_alone and number < len(blocks):
            block = block.model_copy(update={"kind": "heading", "level": kinds.stated_level + _MARKED_LEVEL})
        yield block


def _heading_mark(text: str, block: Block) -> str:
    is_marked = block.kind == "list_item" and _MARKED_HEADING.fullmatch(text, block.start, block.end)
    return text[block.start] if is_marked else ""


def _blocks(text: str, kinds: LineKinds) -> Iterator[Block]:
    opened: _Opened | None = None
    position = 0
    full = _FULL_SHARE * max(map(display_width, text.split("\n")))
    for line, is_code in lines_with_code(text):
        begins = None if is_code or not line.strip() else kinds.of(line)
        is_continued = (
            opened is not None and begins is None and opened.is_continued_by(line, full, is_code=is_code)
        )
        if opened is not None and not is_continued:
            yield opened.block()
            opened = None
        if opened is not None:
            opened.add(line, position)
        elif line.strip():
            if begins is None:
                kinds.end_lists()
            opened = _Opened(line, position, is_code, *(begins or ("paragraph", None)))
        position += len(line) + 1
    if opened is not None:
        yield opened.block()


class _Opened:
    """A block to which lines may be added."""

    def __init__(self, line: str, position: int, is_code: bool, kind: BlockKind, level: int | None) -> None:
        self._kind, self._level, self._is_code = kind, level, is_code
        self._start = position + len(line) - len(line.lstrip()) if kind != "paragraph" else position
        self.add(line, position)

    def add(self, line: str, position: int) -> None:
        self._line = line
        if line.strip():
            self._end = position + len(line.rstrip())

    def is_continued_by(self, line: str, full: float, *, is_code: bool) -> bool:
        """`full`: how wide a line must be to go on in the next one."""
        if is_code or self._is_code:
            return is_code and self._is_code
        if not line.strip() or self._kind == "heading":
            return False
        is_indented = line.startswith((" ", "\t")) and self._line.strip() != ""
        is_wrapped = continues(self._line, line) and display_width(self._line) >= full
        are_rows = self._kind == "paragraph" and is_row(self._line) and is_row(line)
        return is_indented or is_wrapped or are_rows

    def block(self) -> Block:
        return Block(kind=self._kind, level=self._level, start=self._start, end=self._end)
