"""Lines that have one of some words: a search for letters is faster than the patterns that read the line."""

from __future__ import annotations

from collections.abc import Sequence

from workers.engines.shared.personal.numbers import Place


def lines_with(words: Sequence[str], lowered: str, text: str) -> list[Place]:
    """Where the lines begin and end, in their order. `lowered`: the text in lower case."""
    if len(lowered) != len(text):
        return [(0, len(text))]
    lines: set[Place] = set()
    for word in words:
        position = lowered.find(word)
        while position >= 0:
            start, end = lowered.rfind("\n", 0, position) + 1, lowered.find("\n", position)
            end = len(text) if end < 0 else end + 1
            lines.add((start, end))
            position = lowered.find(word, end)
    return sorted(lines)
