"""Models as serving uses them: the tokenizer here, the weights in the backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from transformers import AutoConfig, GenerationConfig

from workers.contract.artifacts import verify_model_folder
from workers.contract.specs.serving import ChatMessage
from workers.engines.serving.backends.protocol import ModelFolder, Role, ServingBackend
from workers.engines.shared.index.turns import Claim
from workers.engines.shared.language_models import chat_prompt, encode, load_tokenizer, stop_token_ids

BASE_MODELS, EMBEDDING_MODELS = "base_models", "embedding_models"
"""Kinds in the model cache and in the answer to /health."""


class _HeldModel:
    """A model in a backend's memory, as the model cache holds it."""

    kind: ClassVar[Literal["text", "embedding"]]

    def __init__(self, path: Path, backend: ServingBackend, digest: str | None = None) -> None:
        """`digest`: that of the expected folder. Raises UnsafeModelFolder and ArtifactDamaged."""
        verify_model_folder(path, digest)
        self._backend = backend
        self.weights = backend.load(ModelFolder(self.kind, path))
        self.bytes = self.weights.bytes

    def close(self) -> None:
        self._backend.unload(self.weights)


class TextModel(_HeldModel):
    """A base model with its chat template and its stop tokens."""

    kind = "text"

    def __init__(self, path: Path, backend: ServingBackend, digest: str | None = None) -> None:
        super().__init__(path, backend, digest)
        self.tokenizer = load_tokenizer(path)
        self.stop_tokens = frozenset(stop_token_ids(self.tokenizer)) | _configured_stop_tokens(path)

    def prompt(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Token ids of the conversation up to where the answer begins."""
        plain = [message.model_dump() for message in messages]
        return encode(self.tokenizer, chat_prompt(self.tokenizer, plain))


class EmbeddingModel(_HeldModel):
    kind = "embedding"

    def embed(
        self,
        texts: Sequence[str],
        role: Role,
        progress: Callable[[int], None] | None = None,
        claim: Claim = Claim(),
    ) -> Any:
        """(texts, dimensions) of float32, each row of length 1."""
        return self._backend.embed(self.weights, texts, role, progress, claim)


def _configured_stop_tokens(folder: Path) -> frozenset[int]:
    """The ends of an answer that generation_config.json names, or config.json where that file is absent."""
    try:
        config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    except OSError:
        config = GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder, local_files_only=True))
    configured: int | list[int] | None = config.eos_token_id
    if configured is None:
        return frozenset()
    return frozenset([configured] if isinstance(configured, int) else configured)
