"""Examples for people of what a step changed: a sample of bounded size, which two runs draw alike.

No example shows personal data that the recipe masks.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from zlib import crc32

from workers.contract.personal_data import PersonalDataKind
from workers.contract.records import ChangedRecord
from workers.engines.curation.units import Unit

MOST_CHANGES = 100
"""Of one step."""
LONGEST_TEXT = 2_000
CONTEXT = 200
"""Characters."""
_ALL_HIDDEN: frozenset[PersonalDataKind] = frozenset({"secret", "my_number", "credit_card"})


class ChangeExamples:
    """Of the units that one step changed, those whose new texts have the smallest checksums."""

    def __init__(self, step: str, hide: Sequence[Callable[[str], str]] = ()) -> None:
        """`hide` is applied to both texts: what later steps mask must not be read here."""
        self._step, self._hide = step, hide
        self._offered = 0
        self._drawn: list[tuple[int, int, ChangedRecord]] = []

    def offer(self, before: Unit, after: Unit, shown: Callable[[], str] | None = None) -> None:
        """`shown` makes the text to show as the one before."""
        self._offered += 1
        place = (crc32(after.text.encode(errors="surrogatepass")), self._offered)
        if len(self._drawn) == MOST_CHANGES:
            if place > self._drawn[-1][:2]:
                return
            self._drawn.pop()
        old, new = shown() if shown else before.text, after.text
        for hide in self._hide:
            old, new = hide(old), hide(new)
        old, new = _changed_part(old, new)
        record = ChangedRecord(step=self._step, before=old, after=new, origin=after.origin)
        insort(self._drawn, (*place, record), key=lambda drawn: drawn[:2])

    def records(self) -> list[ChangedRecord]:
        """In the order in which they were met."""
        return [record for _, _, record in sorted(self._drawn, key=lambda drawn: drawn[1])]


def _changed_part(before: str, after: str) -> tuple[str, str]:
    """Both texts from a little before their first difference on, cut where they are long."""
    if max(len(before), len(after)) <= LONGEST_TEXT:
        return before, after
    same = next(
        (place for place, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]),
        min(len(before), len(after)),
    )
    start = max(0, same - CONTEXT)
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    end = start + LONGEST_TEXT
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def hidden(kind: PersonalDataKind, text: str) -> str:
    """A find as people may see it who must not see personal data: `*` for its letters and digits but the first."""
    first = 0 if kind in _ALL_HIDDEN else 1
    return text[:first] + "".join("*" if character.isalnum() else character for character in text[first:])
