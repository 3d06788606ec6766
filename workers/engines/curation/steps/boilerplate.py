"""Drop tables of contents, notices, blank pages, and the headers and footers of every page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from workers.contract.specs.curation_steps import BoilerplateStep
from workers.engines.curation.noise.machine import without_front_matter
from workers.engines.curation.page_edges import NOTICE, EdgePage, removable_lines
from workers.engines.curation.step_context import StepContext, StepLog
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit, by_document
from workers.engines.shared.text import ARTICLE, compare_key, line_shape, sentences

_CONTENTS_TITLE = re.compile(r"(?m)^ *(?:目 *次|もくじ|contents|table of contents) *$", re.I)
_CONTENTS_LINE = re.compile(r"(?:\.{3,}|・{3,}|[…‥]+|_{3,}|-{3,}|\s)\s*(?:p\.? ?)?[0-9]{1,4}$", re.I)
_LEADERS = re.compile(r"\.{4,}|・{4,}|…|‥")
# What a cover or a footer holds besides: a page number, a date, a version.
_EMPTY_LINE = re.compile(
    r"[-– ]*(?:p\.? ?)?[0-9]+(?: ?/ ?[0-9]+)?[-– ]*|[0-9]{4}[年/.-].{0,12}|(?:第|ver\.?|rev\.?) ?[0-9.]+ ?版?",
    re.I,
)
_PAGED = ("page", "slide")
_NOTICE_REST_SHARE = 0.25
_CONTENTS_SHARE = 0.5
_CONTENTS_LINES = 3


@implements(BoilerplateStep)
def drop_boilerplate(step: BoilerplateStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    log = context.log
    for document in by_document(units):
        if step.drop_front_matter:
            document[0] = _without_front_matter(document[0], log)
        for unit in _without_repeated_lines(step, document, log):
            reason = _reason(step, unit) if unit.is_text else None
            if reason is None:
                yield unit
            else:
                log.drop(unit, reason)


def _without_front_matter(unit: Unit, log: StepLog) -> Unit:
    if not unit.is_text or not unit.text.startswith(("---\n", "+++\n")):
        return unit
    text = without_front_matter(unit.text)
    if text == unit.text:
        return unit
    log.drop(unit, "front_matter", text=unit.text[: len(unit.text) - len(text)])
    return log.passed(unit, replace(unit, text=text))


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
    if not any(NOTICE.search(part) for part in parts):
        return False
    rest = sum(len(part) for part in parts if not NOTICE.search(part) and not _EMPTY_LINE.fullmatch(part))
    return rest <= _NOTICE_REST_SHARE * len(compare_key(text))


def _without_repeated_lines(step: BoilerplateStep, document: list[Unit], log: StepLog) -> Iterator[Unit]:
    """Sheets and sections have no headers; only pages and slides are compared. Each kind of line is logged once."""
    paged = [place for place, unit in enumerate(document) if unit.is_text and unit.page_kind in _PAGED]
    if len(paged) < step.repeated_line_pages:
        yield from document
        return
    looked_at = [_edge_page(document[place]) for place in paged]
    gone = dict(zip(paged, removable_lines(looked_at, step.repeated_line_share), strict=True))
    logged: set[str] = set()
    detail = step.detail("repeated_line", pages=len(paged))
    for place, unit in enumerate(document):
        if not gone.get(place):
            yield unit
            continue
        lines = unit.text.split("\n")
        for index in sorted(gone[place]):
            if (shape := line_shape(lines[index])) not in logged:
                logged.add(shape)
                log.drop(unit, "repeated_line", detail, text=lines[index])
        kept = "\n".join(line for index, line in enumerate(lines) if index not in gone[place])
        yield log.passed(unit, replace(unit, text=kept.strip()))


def _edge_page(unit: Unit) -> EdgePage:
    place = unit.source
    assert place is not None, "pages and slides come from documents"
    return EdgePage(place.number, unit.text, place.kind == "slide")
