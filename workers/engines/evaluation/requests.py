"""What a task asks a model for, in the three types of lm-evaluation-harness, and what comes back.

`prompt` and `context` are encoded unchanged: they may hold special tokens, as a chat template writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class LogLikelihood:
    """How probable is `continuation` after `context`? A space between the two belongs to the continuation."""

    context: str
    continuation: str


@dataclass(frozen=True)
class RollingLogLikelihood:
    """How probable is a document's text as a whole? A longer text is read in overlapping windows."""

    text: str
    window_tokens: int


@dataclass(frozen=True)
class GenerateUntil:
    """The greedy answer to `prompt`, up to the first of the strings `until` after its first visible character."""

    prompt: str
    max_new_tokens: int
    until: tuple[str, ...] = ("\n",)
    batch_size: int = 8
    """Prompts answered at the same time."""


@dataclass(frozen=True)
class Likelihood:
    """The response to both types of log-likelihood."""

    log_likelihood: float
    """Natural logarithm."""
    tokens: int
    """Tokens whose probability was taken."""
    is_greedy: bool
    """Whether greedy decoding would have written exactly these tokens."""


@dataclass(frozen=True)
class Generated:
    """The response to `GenerateUntil`."""

    text: str
    cut_off: bool
    """The limit of new tokens was reached before a stop string or the end of the turn."""


Request: TypeAlias = LogLikelihood | RollingLogLikelihood | GenerateUntil
Response: TypeAlias = Likelihood | Generated
REQUEST_TYPES: tuple[type[Request], ...] = (RollingLogLikelihood, LogLikelihood, GenerateUntil)
"""In the order in which they are run."""
