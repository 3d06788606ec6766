"""Find questions and answers in tables and in labelled lines, and turn them into pairs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from workers.contract.cells import rows_range
from workers.contract.records import Table
from workers.contract.specs.curation_steps import QuestionAnswerStep
from workers.engines.curation.step_context import StepContext, StepLog
from workers.engines.curation.steps.labelled_lines import labelled_pairs
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import QuestionAnswer, Unit, pair_unit
from workers.engines.shared.text import normalize, row_text

# ご質問内容 is still a question column; a whole sentence that mentions 質問 is not.
_EXTRA_CHARACTERS = 4
# A slash between two Latin letters or digits belongs to the answer (km/h, 2024/4/1).
_ALTERNATIVES = re.compile(r"\s*[|\n]\s*|\s+/\s+|(?<![0-9A-Za-z])/|/(?![0-9A-Za-z])")
_GROUPED_NUMBER = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")


@dataclass(frozen=True)
class _Columns:
    header_row: int
    question: int
    answer: int
    short_answer: int | None


@implements(QuestionAnswerStep)
def extract_pairs(step: QuestionAnswerStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    """Pairs of each page first, then the page without what became pairs.

    A row or line must not also stay as text: the text of a held-out question would then be trained on.
    """
    for unit in units:
        if not unit.is_text:
            yield unit
            continue
        kept: list[Table] = []
        used: set[str] = set()
        for table in unit.tables:
            columns = find_columns(step, table)
            if columns is None:
                kept.append(table)
                continue
            header = columns.header_row
            yield from _pairs(unit, table, columns, context.log)
            used.update(map(row_text, table.rows[header:]))
            if header:  # titles above the header stay a table of their own
                titles = {"cells": rows_range(table, 0, header - 1), "rows": table.rows[:header]}
                kept.append(table.model_copy(update=titles))
        text = "\n".join(line for line in unit.text.split("\n") if line not in used)
        written = list(labelled_pairs(step, text))
        for pair in written:
            accepted = _each_once(_accepted(pair.short_answer))
            yield pair_unit(unit.origin, QuestionAnswer(pair.question, pair.answer, accepted))
        if not used and not written:
            yield unit
            continue
        lines = {number for pair in written for number in pair.lines}
        text = "\n".join(line for number, line in enumerate(text.split("\n")) if number not in lines).strip()
        if text:
            yield context.log.passed(unit, replace(unit, text=text, tables=tuple(kept)))


def find_columns(step: QuestionAnswerStep, table: Table) -> _Columns | None:
    """Which columns hold question and answer, or None if the table is about something else."""
    for index, row in enumerate(table.rows[: step.header_rows]):
        short = _column(row, step.short_answer_headers, ())
        question = _column(row, step.question_headers, (short,))
        answer = _column(row, step.answer_headers, (short, question))
        if question is not None and answer is not None:
            return _Columns(index, question, answer, short)
    return None


def _column(row: Sequence[str], headers: Sequence[str], taken: Sequence[int | None]) -> int | None:
    """The first cell that is one of the headers; else the first short one that contains one of them."""
    titles = [normalize(header).casefold() for header in headers]
    cells = {index: cell.strip().casefold() for index, cell in enumerate(row) if index not in taken}
    for index, cell in cells.items():
        if cell in titles:
            return index
    for index, cell in cells.items():
        if any(
            len(title) > 1 and title in cell and len(cell) <= len(title) + _EXTRA_CHARACTERS
            for title in titles
        ):
            return index
    return None


def _pairs(unit: Unit, table: Table, columns: _Columns, log: StepLog) -> Iterator[Unit]:
    """One pair for neighbouring rows of one question: each holds a part of its answer."""
    rows = [row for row in range(columns.header_row + 1, len(table.rows)) if any(table.rows[row])]
    for question, group in groupby(rows, key=lambda row: table.rows[row][columns.question].strip()):
        numbers = list(group)
        answered = [row for row in numbers if question and table.rows[row][columns.answer].strip()]
        for row in numbers:
            if row not in answered:
                place = unit.at_cells(rows_range(table, row))
                log.drop(place, "incomplete_pair", text=row_text(table.rows[row]))
        if answered:
            place = unit.at_cells(rows_range(table, answered[0], answered[-1]))
            answers = _each_once(table.rows[row][columns.answer].strip() for row in answered)
            accepted = _each_once(
                short for row in answered for short in _accepted(_short(table.rows[row], columns))
            )
            yield pair_unit(place.origin, QuestionAnswer(question, "\n".join(answers), accepted))


def _short(row: Sequence[str], columns: _Columns) -> str:
    return "" if columns.short_answer is None else row[columns.short_answer]


def _accepted(short: str) -> list[str]:
    """The short answers in a cell. A number is also accepted without the commas that a sheet's format adds."""
    parts = [part.strip() for part in _ALTERNATIVES.split(short) if part.strip()]
    return parts + [part.replace(",", "") for part in parts if _GROUPED_NUMBER.fullmatch(part)]


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
