"""Find questions and answers that are written as lines: `質問：…` and below it `回答：…`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from workers.contract.specs.curation_steps import QuestionAnswerStep
from workers.engines.shared.text import normalize

LONGEST_ANSWER = 1000
"""Characters. Of a longer answer only the first paragraph is taken: the rest is about something else."""
_MARK = r"\s*(?:[-*•・●■◆▼□]\s*)?"
_HEADING = re.compile(r"\s*(?:#{1,6}\s|[■◆●▼□]|第[0-9一二三四五六七八九十百]+[章条節]|[-=_*]{3,}\s*$)")


@dataclass
class LabelledPair:
    """`lines` are the positions of what the pair consists of."""

    question: str
    answer: str = ""
    short_answer: str = ""
    lines: set[int] = field(default_factory=set)


class _Labels:
    """`質問:`, `Q1.`, `【質問】`: what a line begins with."""

    def __init__(self, titles: Sequence[str]) -> None:
        names = "|".join(re.escape(normalize(title)) for title in sorted(titles, key=len, reverse=True))
        self._pattern = re.compile(
            rf"{_MARK}(?:【\s*(?:{names})\s*\d*\s*】\s*[:：]?|(?:{names})\s*\d*\s*[:：.．)）])\s*(?P<rest>.*)",
            re.I,
        )

    def rest(self, line: str) -> str | None:
        """What follows the label; None for a line without one."""
        match = self._pattern.fullmatch(line)
        return match["rest"].strip() if match else None


@cache
def _folded(titles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(normalize(title).casefold() for title in titles)


def labelled_pairs(step: QuestionAnswerStep, text: str) -> Iterator[LabelledPair]:
    """Pairs in their order. A question without an answer is none, and its lines stay text."""
    folded = text.casefold()
    if not any(title in folded for title in _folded(step.question_headers)):
        return
    questions, answers, shorts = map(
        _Labels, (step.question_headers, step.answer_headers, step.short_answer_headers)
    )
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if questions.rest(line) is not None]
    for start, end in pairwise([*starts, len(lines)]):
        end = next((n for n in range(start + 1, end) if _is_heading(lines[n], answers)), end)
        answer = next((n for n in range(start + 1, end) if answers.rest(lines[n]) is not None), end)
        if answer == end:
            continue
        pair = LabelledPair(_joined(questions, lines[start:answer]))
        short = next((n for n in range(start + 1, end) if shorts.rest(lines[n]) is not None), None)
        if short is not None:
            pair.short_answer = shorts.rest(lines[short]) or ""
        last = end if short is None or short < answer else short
        if len(_joined(answers, lines[answer:last])) > LONGEST_ANSWER:
            last = next((n for n in range(answer + 1, last) if not lines[n].strip()), last)
        pair.answer = _joined(answers, lines[answer:last])
        pair.lines = {*range(start, last), *([] if short is None else [short])}
        if pair.question and pair.answer:
            yield pair


def _is_heading(line: str, answers: _Labels) -> bool:
    return answers.rest(line) is None and _HEADING.match(line) is not None


def _joined(labels: _Labels, lines: Sequence[str]) -> str:
    """The text of these lines without the label of the first."""
    return "\n".join([labels.rest(lines[0]) or "", *lines[1:]]).strip()
