"""What a client receives of an answer while it is written.

This module imports no machine-learning library, so the event loop never waits for one to be imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Delta:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True)
class Done:
    """The end of the answer."""

    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int
    """The stop token included."""


StreamEvent = Delta | Done
