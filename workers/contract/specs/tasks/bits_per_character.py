"""Bits per character: how many bits a model needs to write held-out text."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from workers.contract.spec import Spec
from workers.contract.specs.tasks.declaration import Item, Metric, TaskSettings, declare_task
from workers.contract.translatable import gettext_noop


class TextBits(Spec):
    """What a candidate needs to write a text."""

    bits: float
    tokens: int
    """The text's tokens in the candidate's own vocabulary."""


class TextItem(Item):
    """One held-out text, or the answer of a held-out pair."""

    task: Literal["bits_per_character"] = "bits_per_character"
    characters: int = Field(ge=1)
    results: dict[str, TextBits] = Field(default_factory=dict)


@declare_task
class BitsPerCharacterSettings(TaskSettings):
    """How many bits a model needs for each character of held-out text, and of held-out answers given their question.

    Lower is better. Counting by character makes models with different tokenizers comparable.
    """

    metrics: ClassVar = (
        Metric(
            name="bits_per_character",
            direction="lower",
            is_share=False,
            label=gettext_noop("Bits per character"),
            help=gettext_noop(
                "Bits the model needs for each character of held-out text of your documents, and of the answers to "
                "held-out questions. Lower is better."
            ),
        ),
    )
    item: ClassVar = TextItem

    type: Literal["bits_per_character"] = "bits_per_character"
    max_records: int = Field(default=200, ge=1, le=100_000)
    """Texts that are measured; of more, the same ones are chosen every time."""
    window_tokens: int = Field(default=512, ge=32, le=32_768)
    """Longer texts are read in windows of this many tokens, each half overlapping the one before."""
