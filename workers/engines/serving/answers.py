"""From a chat request to an answer: load the model, render the prompt, start the backend, read its tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from workers.contract.specs.serving import ChatBody
from workers.engines.serving.backends.adapters import PARAM, adapter_folder
from workers.engines.serving.backends.protocol import (
    AnswerRequest,
    SamplingSettings,
    ServingBackend,
    TokenStream,
)
from workers.engines.serving.errors import context_too_long
from workers.engines.serving.model_cache import Lease, ModelCache
from workers.engines.serving.models import BASE_MODELS, TextModel
from workers.engines.serving.settings import ServingSettings
from workers.engines.serving.stream_events import Delta, Done, StreamEvent
from workers.engines.serving.text_stream import TextStream


class RunningAnswer:
    """An answer being written. Read `events` once; `cancel` it when it is no longer read."""

    def __init__(
        self, tokens: TokenStream, request: AnswerRequest, text: TextStream, release: Callable[[], None]
    ) -> None:
        self._tokens = tokens
        self._request = request
        self._text = text
        self._release = release

    def cancel(self) -> None:
        """Allowed more than once, and after the end."""
        self._tokens.cancel()
        self._release()

    async def events(self, alive_seconds: float | None = None) -> AsyncIterator[StreamEvent | None]:
        """Texts, then one Done; None each time nothing happened for `alive_seconds`.

        Raises ServeError when writing failed.
        """
        written, ended = 0, False
        try:
            async with aclosing(_with_pauses(self._tokens, alive_seconds)) as tokens:
                async for token in tokens:
                    if token is None:
                        yield None
                        continue
                    written += 1
                    ended = token in self._request.stop_tokens
                    if not ended and (text := self._text.push(token)):
                        yield Delta(text)
                    if self._text.stopped:
                        break
            if text := self._text.finish():
                yield Delta(text)
            # A stop string may have been completed by what was held back until now.
            stopped = ended or self._text.stopped
            yield Done("stop" if stopped else "length", len(self._request.prompt), written)
        finally:
            self.cancel()


async def _with_pauses(tokens: TokenStream, seconds: float | None) -> AsyncGenerator[int | None]:
    """Every token; None each time none came for `seconds`."""
    while True:
        # A task, since waiting for `anext` itself with a timeout would end the stream.
        coming = asyncio.ensure_future(anext(tokens))
        try:
            while not (await asyncio.wait({coming}, timeout=seconds))[0]:
                yield None
            yield coming.result()
        except StopAsyncIteration:
            return
        finally:
            coming.cancel()


@dataclass(frozen=True)
class Chat:
    settings: ServingSettings
    cache: ModelCache
    backend: ServingBackend

    async def start(self, body: ChatBody) -> RunningAnswer:
        """Raises ServeError where the model cannot be loaded, the prompt is too long or too many wait."""
        stops = (body.stop,) if isinstance(body.stop, str) else body.stop or ()
        preparing = asyncio.ensure_future(asyncio.to_thread(self._prepare, body))
        try:
            lease, request = await asyncio.shield(preparing)
        except asyncio.CancelledError:
            # The thread goes on loading the model. The model is released as soon as it is loaded.
            preparing.add_done_callback(_release_prepared)
            raise
        try:
            tokens = await self.backend.start(lease.loaded.weights, request)
        except BaseException:
            lease.release()
            raise
        text = TextStream(lease.loaded.tokenizer, (*stops, *body.kosha.stop_strings))
        return RunningAnswer(tokens, request, text, lease.release)

    def _prepare(self, body: ChatBody) -> tuple[Lease[TextModel], AnswerRequest]:
        """The model, which must be released, and what the backend shall write."""
        choice, adapter = body.kosha, None
        if choice.adapter is not None:
            adapter = adapter_folder(self.cache.allowed(choice.adapter, PARAM), choice.adapter_sha256)
        load = partial(TextModel, backend=self.backend, digest=choice.base_model_digest)
        lease = self.cache.lease(BASE_MODELS, choice.base_model, load, "kosha.base_model")
        try:
            prompt = lease.loaded.prompt(body.messages)
            context = lease.loaded.weights.context_length
            asked = body.max_completion_tokens or body.max_tokens
            if len(prompt) + (asked or 1) > context:
                raise context_too_long(len(prompt), asked or 1, context)
        except BaseException:
            lease.release()
            raise
        max_tokens = asked or min(self.settings.default_max_tokens, context - len(prompt))
        sampling = SamplingSettings(
            temperature=body.temperature,
            top_p=body.top_p,
            presence_penalty=body.presence_penalty,
            frequency_penalty=body.frequency_penalty,
            seed=body.seed,
        )
        return lease, AnswerRequest(prompt, max_tokens, lease.loaded.stop_tokens, sampling, adapter)


def _release_prepared(preparing: asyncio.Future[tuple[Lease[TextModel], AnswerRequest]]) -> None:
    if not preparing.cancelled() and preparing.exception() is None:
        preparing.result()[0].release()
