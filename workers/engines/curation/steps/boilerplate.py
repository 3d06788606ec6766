"""Drop tables of contents, notices, blank pages, and the headers and footers of every page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from workers.contract.specs.curation_steps import BoilerplateStep
from workers.engines.curation.step_context import StepContext, StepLog
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit, by_document
from workers.engines.shared.text import (
    ARTICLE,
    EDGE_LINES,
    compare_key,
    line_shape,
    repeated_edges,
    sentences,
)

_CONTENTS_TITLE = re.compile(r"(?m)^ *(?:目 *次|もくじ|contents|table of contents) *$", re.I)
_CONTENTS_LINE = re.compile(r"(?:\.{3,}|・{3,}|[…‥]+|_{3,}|-{3,}|\s)\s*(?:p\.? ?)?[0-9]{1,4}$", re.I)
_LEADERS = re.compile(r"\.{4,}|・{4,}|…|‥")
_NOTICE = re.compile(
    r"無断.{0,20}(?:禁|ご遠慮)|all rights reserved|copyright|©|\(c\) ?[0-9]{4}"
    r"|本(?:書|資料|文書|ファイル|誌|ページ)(?:は|の|に|を).{0,60}(?:機密|社外秘|秘密情報|著作権|責任を負|開示|複製|配布)"
    r"|^(?:社外秘|極秘|関係者外秘|機密|取扱注意|confidential|internal use only)$"
    r"|(?:意図的に)?(?:白紙|空白)|intentionally left blank",
    re.I,
)
# What a cover or a footer holds besides: a page number, a date, a version.
_EMPTY_LINE = re.compile(
    r"[-– ]*(?:p\.? ?)?[0-9]+(?: ?/ ?[0-9]+)?[-– ]*|[0-9]{4}[年/.-].{0,12}|(?:第|ver\.?|rev\.?) ?[0-9.]+ ?版?",
    re.I,
)
_NOTICE_REST_SHARE = 0.25
_CONTENTS_SHARE = 0.5
_CONTENTS_LINES = 3


@implements(BoilerplateStep)
def drop_boilerplate(step: BoilerplateStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    log = context.log
    for document in by_document(units):
        for unit in _without_repeated_lines(step, document, log):
            reason = _reason(step, unit) if unit.is_text else None
            if reason is None:
                yield unit
            else:
                log.drop(unit, reason)


def _reason(step: BoilerplateStep, unit: Unit) -> str | None:
    if not unit.text.strip():
        return "blank"
    if step.drop_contents_pages and is_contents(unit.text):
        return "table_of_contents"
    if step.drop_notice_pages and is_notice(unit.text):
        return "notice"
    return None


def is_contents(text: str) -> bool:
    """Most lines end in a page number, after a title that says so or after dot leaders."""
    lines = [line for line in text.split("\n") if line.strip() and not _CONTENTS_TITLE.match(line)]
    entries = [line for line in lines if _CONTENTS_LINE.search(line)]
    if len(entries) < _CONTENTS_LINES or len(entries) < _CONTENTS_SHARE * len(lines):
        return False
    return (
        bool(_CONTENTS_TITLE.search(text))
        or sum(bool(_LEADERS.search(line)) for line in entries) >= _CONTENTS_LINES
    )


def is_notice(text: str) -> bool:
    """A copyright or confidentiality notice with little other text. An article is never one."""
    if ARTICLE.search(text):
        return False
    parts = [part.strip() for part in sentences(text) if part.strip()]
    if not any(_NOTICE.search(part) for part in parts):
        return False
    rest = sum(len(part) for part in parts if not _NOTICE.search(part) and not _EMPTY_LINE.fullmatch(part))
    return rest <= _NOTICE_REST_SHARE * len(compare_key(text))


def _without_repeated_lines(step: BoilerplateStep, document: list[Unit], log: StepLog) -> Iterator[Unit]:
    """Sheets and sections have no headers; only pages and slides are compared."""
    paged = [unit for unit in document if unit.is_text and unit.page_kind in ("page", "slide")]
    if len(paged) < step.repeated_line_pages:
        yield from document
        return
    shapes = repeated_edges([unit.text for unit in paged], step.repeated_line_share)
    seen: Counter[str] = Counter()
    for unit in document:
        if unit.is_text and unit.page_kind in ("page", "slide"):
            yield log.passed(unit, _strip_edges(unit, shapes, seen, log, len(paged)))
        else:
            yield unit


def _strip_edges(unit: Unit, shapes: frozenset[str], seen: Counter[str], log: StepLog, pages: int) -> Unit:
    """The page without its repeated edge lines; each such line is logged once per document."""
    lines = unit.text.split("\n")
    filled = [index for index, line in enumerate(lines) if line.strip()]
    edges = {*filled[:EDGE_LINES], *filled[-EDGE_LINES:]}
    gone = {index for index in edges if line_shape(lines[index]) in shapes}
    for index in sorted(gone):
        shape = line_shape(lines[index])
        seen[shape] += 1
        if seen[shape] == 1:
            log.drop(unit, "repeated_line", f"on most of {pages} pages", text=lines[index])
    kept = "\n".join(line for index, line in enumerate(lines) if index not in gone)
    return replace(unit, text=kept.strip())
