"""The blocks of a page: what its text is made of, and where each of them stands.

A block is a range of the page's text, so what is known of characters (personal data, citations) is known of blocks.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from workers.contract.spec import Spec, TextRange

LOW_CONFIDENCE = 0.85
"""Of recognized text (OCR): below it a person should compare it with the picture. Clean prints have 0.95 and more."""
BlockKind = Literal["heading", "paragraph", "list_item", "table", "note", "picture"]


class Box(Spec):
    """A rectangle on a page as it is shown, in points (1/72 inch) from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @model_validator(mode="after")
    def _is_a_rectangle(self) -> Self:
        if self.right < self.left or self.bottom < self.top:
            raise ValueError("a box must end below and to the right of where it begins")
        return self


class Heading(Spec):
    """A heading that a text stands under."""

    level: int = Field(ge=1)
    """1 for the highest."""
    text: str


class Block(TextRange):
    """Characters of a page's text that are one piece of the document."""

    kind: BlockKind
    level: int | None = Field(default=None, ge=1)
    """Of a heading, 1 for the highest; of a list item, 1 for the outermost list."""
    table: int | None = Field(default=None, ge=0)
    """Which of the page's tables the block writes out, from 0."""
    box: Box | None = None
    """Known of pages and pictures."""
    confidence: float | None = Field(default=None, ge=0, le=1)
    """Of recognized text (OCR), as the recognizer states it."""


def headings_after(headings: tuple[Heading, ...], heading: Heading) -> tuple[Heading, ...]:
    """The path under `heading`, where the path above it is `headings`."""
    return (*(above for above in headings if above.level < heading.level), heading)
