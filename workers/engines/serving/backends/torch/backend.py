"""Answers and embeddings by torch in this process: all answers of a base model in one batch."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from workers.engines.serving.backends.protocol import (
    AnswerRequest,
    BackendHealth,
    LoadedModel,
    ModelFolder,
    Role,
)
from workers.engines.serving.backends.torch.batch import Generation
from workers.engines.serving.backends.torch.model import TorchTextModel
from workers.engines.serving.backends.torch.scheduler import Scheduler
from workers.engines.serving.errors import ServeError
from workers.engines.serving.settings import ServingSettings
from workers.engines.shared.index.embedding import Embedder
from workers.engines.shared.index.turns import Claim


class QueuedTokens:
    """A TokenStream filled by the scheduler's thread and read in the event loop that made it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[int | ServeError | None] = asyncio.Queue()
        self.cancelled = threading.Event()

    def put(self, item: int | ServeError | None) -> None:
        """A token, or what ended the answer: None, or why it failed."""
        # The loop may be gone while the server shuts down, and every reader with it.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    def cancel(self) -> None:
        self.cancelled.set()

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        item = await self._queue.get()
        if item is None:
            raise StopAsyncIteration
        if isinstance(item, ServeError):
            raise item
        return item


class TorchBackend:
    def __init__(self, settings: ServingSettings) -> None:
        self._settings = settings
        self._scheduler = Scheduler(batch_size=settings.batch_size, queue_limit=settings.queue_limit)
        self._text_models: list[TorchTextModel] = []
        self._lock = threading.Lock()

    def load(self, folder: ModelFolder) -> LoadedModel:
        if folder.kind == "embedding":
            return Embedder(folder.path, is_shared=True)
        model = TorchTextModel(folder.path, self._settings)
        with self._lock:
            self._text_models.append(model)
        return model

    def unload(self, model: LoadedModel) -> None:
        """The memory is freed with the last reference, which a cancelled answer may hold for a step."""
        with self._lock:
            if isinstance(model, TorchTextModel):
                self._text_models.remove(model)

    async def start(self, model: LoadedModel, request: AnswerRequest) -> QueuedTokens:
        assert isinstance(model, TorchTextModel)
        tokens = QueuedTokens()
        try:
            await asyncio.to_thread(self._submit, model, request, tokens)
        except asyncio.CancelledError:
            # The thread goes on; what it submits is dropped before its first step.
            tokens.cancel()
            raise
        return tokens

    def _submit(self, model: TorchTextModel, request: AnswerRequest, tokens: QueuedTokens) -> None:
        adapter = model.attach(request.adapter)
        generation = Generation(
            model,
            adapter,
            request,
            put=tokens.put,
            release=lambda: model.detach(adapter),
            cancelled=tokens.cancelled,
        )
        try:
            self._scheduler.submit(generation)
        except BaseException:
            model.detach(adapter)
            raise

    def embed(
        self,
        model: LoadedModel,
        texts: Sequence[str],
        role: Role,
        progress: Callable[[int], None] | None = None,
        claim: Claim = Claim(),
    ) -> Any:
        assert isinstance(model, Embedder)
        return model.embed(texts, role, progress, claim)

    def token_counts(self, model: LoadedModel, texts: Sequence[str], role: Role) -> list[int]:
        assert isinstance(model, Embedder)
        return model.token_counts(texts, role)

    def health(self) -> BackendHealth:
        with self._lock:
            adapters = tuple(path for model in self._text_models for path in model.adapters())
        return BackendHealth(self._scheduler.size(), adapters)

    def close(self) -> None:
        self._scheduler.close()
