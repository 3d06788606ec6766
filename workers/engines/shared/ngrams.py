"""Character n-grams. Japanese has no spaces between words, so runs of characters serve as words."""

from __future__ import annotations


def character_ngrams(text: str, size: int) -> list[str]:
    """Every run of `size` characters in order, with repetitions; a text shorter than `size` has none."""
    return [text[start : start + size] for start in range(len(text) - size + 1)]
