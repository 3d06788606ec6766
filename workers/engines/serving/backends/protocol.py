"""The interface of a backend: it holds models in memory, generates tokens and embeds texts.

A backend knows token ids and no text. Chat templates, stop strings, the counting of tokens and the wire
format are the same for every backend and are not its concern. A backend runs its models in this process or in
child processes; `load`, `unload` and `embed` may take long and are called in threads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from workers.engines.shared.index.turns import Claim

Role = Literal["query", "passage"]


@dataclass(frozen=True)
class ModelFolder:
    """A folder whose files have just been verified."""

    kind: Literal["text", "embedding"]
    path: Path


@dataclass(frozen=True)
class AdapterFolder:
    """A LoRA adapter. The backend verifies its files when it loads them, with `serving.backends.adapters`."""

    path: Path
    digest: str
    """sha256 of its manifest. It names the adapter: two folders with one digest are one adapter."""


@dataclass(frozen=True)
class SamplingSettings:
    """How the next token is chosen."""

    temperature: float = 1.0
    """With 0 the most probable token is chosen."""
    top_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None


@dataclass(frozen=True)
class AnswerRequest:
    prompt: Sequence[int]
    """Token ids up to where the answer begins."""
    max_tokens: int
    stop_tokens: frozenset[int]
    """The answer ends with the first of these."""
    sampling: SamplingSettings = SamplingSettings()
    adapter: AdapterFolder | None = None
    """None: the base model itself."""


class LoadedModel(Protocol):
    @property
    def bytes(self) -> int:
        """Approximate size in memory."""

    @property
    def context_length(self) -> int:
        """The most tokens that a prompt and its answer may have together."""


class TokenStream(Protocol):
    """The token ids of one answer as they are written, the stop token included.

    It ends after a stop token or after `max_tokens`, and raises ServeError where writing failed.
    """

    def __aiter__(self) -> AsyncIterator[int]: ...

    async def __anext__(self) -> int: ...

    def cancel(self) -> None:
        """Stop writing. Allowed from any thread, more than once, and after the end."""


@dataclass(frozen=True)
class Embeddings:
    vectors: Any
    """(texts, dimensions) of float32, each row of length 1."""
    tokens: int
    """How many tokens the texts had."""


@dataclass(frozen=True)
class BackendHealth:
    queue: int
    """Answers that wait or are being written."""
    adapters: tuple[Path, ...]
    """Folders of the adapters in memory."""


class ServingBackend(Protocol):
    def load(self, folder: ModelFolder) -> LoadedModel:
        """Block until the model can be used."""

    def unload(self, model: LoadedModel) -> None:
        """Free the model's memory. None of its answers is being read."""

    async def start(self, model: LoadedModel, request: AnswerRequest) -> TokenStream:
        """Begin an answer; the adapter is loaded first where it is not in memory.

        Raises ServeError: `model_server_busy`, `adapter_mismatch`, `serve.system.artifact_damaged`.
        """

    def embed(
        self,
        model: LoadedModel,
        texts: Sequence[str],
        role: Role,
        progress: Callable[[int], None] | None = None,
        claim: Claim = Claim(),
    ) -> Any:
        """(texts, dimensions) of float32, each row of length 1; of a long text its first `context_length` tokens.

        In batches of a fraction of a second, for which those that ask take turns by their `claim`. `progress` is
        called after each with how many texts are done, and may raise.
        """

    def token_counts(self, model: LoadedModel, texts: Sequence[str], role: Role) -> list[int]:
        """Of each whole text."""

    def health(self) -> BackendHealth: ...

    def close(self) -> None:
        """Cancel every answer; they end with ServeError `model_server_busy`."""
