"""Let through of a generated answer what its passages support, sentence by sentence.

A sentence is held back until it is complete and checked, in a stream too. The first sentence that is not supported
ends the answer. What is checked needs no model: numbers and codes must stand in the passage that supports the
sentence, and where the question names one row of a table, it must not come from another. Other words are not checked.
"""

from __future__ import annotations

import re

from chat.citations import SUPPORT, best_sentence
from chat.finding import Found, Reason
from chat.table_rows import AskedRows
from workers.contract.prompts import NOT_IN_THE_PASSAGES
from workers.contract.stated_facts import (
    are_alike,
    asked_units,
    codes,
    is_stated,
    section_of,
    stated_facts,
    states_one_of,
)

_SENTENCE = re.compile(r".*?(?:[。！？!?]+[」』）)]*|\.(?=\s)|\n)", re.S)
_QUESTION = re.compile(r"(?:[?？]|(?:です|ます|でしょう)か[。.]?)\s*$")
_NONE = re.compile(r"な[いしく]|ませ?ん|不要|無料|無制限|自由|\bno\b|free", re.I)
NEARLY_AS_GOOD = 0.75
"""A passage with this share of the best one's support may be where a sentence comes from, too."""
LONGEST_UNREPEATED = 10
"""Shorter sentences (はい。) may be said twice."""


class CheckedAnswer:
    """`push` each piece and send what it returns; at the end send what `finish` returns."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self._asked = stated_facts(found.question)
        self._rows = AskedRows(found.question, found.passages)
        self._held = ""
        self._said: set[str] = set()
        self._refusal: Reason | None = None
        self.text = ""
        """What was let through."""
        self.is_ended = False
        """A sentence was not let through: nothing more will be."""

    @property
    def is_answered(self) -> bool:
        return bool(self.text.strip())

    @property
    def reason(self) -> Reason | None:
        if self.is_answered:
            return "rest_withheld" if self._refusal == "unsupported" else None
        return self._refusal or "no_answer"

    def push(self, piece: str) -> str:
        self._held += piece
        sentences = list(_SENTENCE.finditer(self._held))
        self._held = self._held[sentences[-1].end() :] if sentences else self._held
        return self._let_through([match.group() for match in sentences])

    def finish(self) -> str:
        rest, self._held = self._held, ""
        return self._let_through([rest] if rest else [])

    def _let_through(self, sentences: list[str]) -> str:
        passed = ""
        for sentence in sentences:
            if self.is_ended or not self._is_good(sentence.strip()):
                self.is_ended = True
                break
            passed += sentence
        # Small models begin with a blank.
        passed = passed if self.text else passed.lstrip()
        self.text += passed
        return passed

    def _is_good(self, sentence: str) -> bool:
        if NOT_IN_THE_PASSAGES in sentence:
            self._refusal = "not_stated"
            return False
        is_repeated = sentence in self._said and len(sentence) >= LONGEST_UNREPEATED
        if is_repeated or _QUESTION.search(sentence):
            return False
        self._said.add(sentence)
        if not (self._answers_the_quantity(sentence) and self._is_supported(sentence)):
            self._refusal = "unsupported"
            return False
        return True

    def _answers_the_quantity(self, sentence: str) -> bool:
        """Whether an answer to いくら or 何日 begins with a quantity of this kind, or says that there is none."""
        units = asked_units(self.found.question)
        is_first = not self.text.strip() and bool(sentence)
        return not (units and is_first) or states_one_of(units, sentence) or bool(_NONE.search(sentence))

    def _is_supported(self, sentence: str) -> bool:
        """Whether one passage that supports the sentence states its numbers and codes, or the question does."""
        if not sentence:
            return True
        scored = [(*best_sentence(sentence, hit.text), hit.text) for hit in self.found.passages]
        best_support, quote, _text = max(scored, key=lambda item: item[0])
        if not self._is_about_the_asked(sentence, best_support, quote):
            return False
        if self._rows:
            scored = self._of_the_asked_rows(sentence)
            own_support = max((support for support, _quote, _text in scored), default=0.0)
            if self._rows.names_another(sentence) or SUPPORT <= best_support > own_support:
                return False
            best_support = own_support
        cited = [text for support, _quote, text in scored if support >= NEARLY_AS_GOOD * best_support]
        facts = stated_facts(sentence)
        # What only repeats the question (2年ごとですよね? 2年ごとです。) is confirmed by its passage or not at all.
        claimed = (facts - self._asked) or facts
        return any(all(is_stated(fact, stated) for fact in claimed) for stated in map(stated_facts, cited))

    def _of_the_asked_rows(self, sentence: str) -> list[tuple[float, str, str]]:
        """The support of each passage without the table rows that the question does not ask about."""
        texts = [text for hit in self.found.passages if (text := self._rows.text_about(hit)).strip()]
        return [(*best_sentence(sentence, text), text) for text in texts]

    def _is_about_the_asked(self, sentence: str, support: float, quote: str) -> bool:
        """Whether it may be about a code of the question: not if the line it was taken from is about another one,
        or if the passages list the code with others and the sentence was not taken from what they say of this one.
        """
        asked, quoted = codes(self.found.question), codes(quote)
        if not asked or asked & quoted:
            return True
        is_another = any(are_alike(code, other) for code in asked for other in quoted)
        if is_another and support >= SUPPORT:
            return False
        sections = [
            section
            for code in asked
            for hit in self.found.passages
            if (section := section_of(code, hit.text)) is not None
        ]
        return not sections or any(best_sentence(sentence, section)[0] >= SUPPORT for section in sections)
