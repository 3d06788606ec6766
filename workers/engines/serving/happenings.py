"""What happens to an answer while it is written. No machine-learning library is needed to speak of it,
so that the event loop never waits for one to be imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workers.engines.serving.errors import ServeError


@dataclass(frozen=True)
class Delta:
    text: str


@dataclass(frozen=True)
class Done:
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Failed:
    error: ServeError


Happening = Delta | Done | Failed
