"""From a chat request to a running answer: load, count, check, submit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from workers.contract.specs.serving import ChatBody, ModelChoice, TokensAnswer, TokensBody
from workers.engines.serving.batch import Answer
from workers.engines.serving.errors import ServeError, context_too_long
from workers.engines.serving.happenings import Delta, Done, Failed, Happening
from workers.engines.serving.sampling import Sampler
from workers.engines.serving.scheduler import Scheduler
from workers.engines.serving.settings import ServingSettings
from workers.engines.serving.shelf import Lease, Shelf
from workers.engines.serving.text_model import TextModel
from workers.engines.serving.text_stream import TextStream

KIND = "base_models"


class RunningAnswer:
    """An answer being written. Read it once; `cancel` it when nobody listens any more."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self.cancelled = threading.Event()

    def emit(self, happening: Happening) -> None:
        """From the scheduler's thread."""
        # While the server shuts down the loop may be gone, and with it whoever listened.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._happenings.put_nowait, happening)

    def cancel(self) -> None:
        self.cancelled.set()

    async def happenings(self, alive_seconds: float | None = None) -> AsyncIterator[Delta | Done | None]:
        """Texts, then one Done; None each time nothing happened for `alive_seconds`.

        Raises ServeError when writing failed.
        """
        while True:
            try:
                happening = await asyncio.wait_for(self._happenings.get(), alive_seconds)
            except TimeoutError:
                yield None
                continue
            if isinstance(happening, Failed):
                raise happening.error
            yield happening
            if isinstance(happening, Done):
                return


class Chat:
    def __init__(self, settings: ServingSettings, shelf: Shelf) -> None:
        self._settings = settings
        self._shelf = shelf
        self._scheduler = Scheduler(batch_size=settings.batch_size, queue_limit=settings.queue_limit)

    def queue(self) -> int:
        return self._scheduler.size()

    def close(self) -> None:
        self._scheduler.close()

    def adapters(self) -> list[str]:
        return [path for model in self._shelf.loaded(KIND) for path in model.adapters()]

    async def start(self, body: ChatBody) -> RunningAnswer:
        """Raises ServeError where the model cannot be loaded, the prompt is too long or too many wait."""
        running = RunningAnswer()
        try:
            await asyncio.to_thread(self._submit, body, running)
        except asyncio.CancelledError:
            # The thread goes on loading; what it submits then is dropped before it is begun.
            running.cancel()
            raise
        return running

    def load(self, choice: ModelChoice) -> None:
        lease, adapter = self._lease(choice)
        lease.thing.detach(adapter)
        lease.release()

    def count_tokens(self, body: TokensBody) -> TokensAnswer:
        choice = body.kosha
        with self._shelf.lease(KIND, choice.base_model, self._opener(choice), "kosha.base_model") as model:
            tokens = len(model.prompt(body.messages)) if body.messages else 0
            tokens += len(model.encode(body.text)) if body.text else 0
            return TokensAnswer(tokens=tokens, context_length=model.context_length)

    def _submit(self, body: ChatBody, running: RunningAnswer) -> None:
        lease, adapter = self._lease(body.kosha)
        model = lease.thing

        def release() -> None:
            model.detach(adapter)
            lease.release()

        try:
            prompt = model.prompt(body.messages)
            answer = Answer(
                model=model,
                adapter=model.row_name(adapter),
                prompt=prompt,
                max_tokens=self._room(body, len(prompt), model.context_length),
                sampler=_sampler(body),
                stream=TextStream(model.tokenizer, _stops(body)),
                emit=running.emit,
                release=release,
                cancelled=running.cancelled,
            )
            self._scheduler.submit(answer)
        except BaseException:
            release()
            raise

    def _lease(self, choice: ModelChoice) -> tuple[Lease[TextModel], Path | None]:
        """The model with the adapter attached; both must be given back."""
        adapter = choice.adapter and self._shelf.allowed(choice.adapter, "kosha.adapter")
        lease = self._shelf.lease(KIND, choice.base_model, self._opener(choice), "kosha.base_model")
        try:
            lease.thing.attach(adapter, choice.adapter_sha256)
        except BaseException:
            lease.release()
            raise
        return lease, adapter

    def _opener(self, choice: ModelChoice) -> Callable[[Path], TextModel]:
        return lambda folder: TextModel(folder, self._settings, choice.base_model_digest)

    def _room(self, body: ChatBody, prompt: int, context: int) -> int:
        """How many tokens the answer may take."""
        wanted = body.max_completion_tokens or body.max_tokens
        if prompt + (wanted or 1) > context:
            raise context_too_long(prompt, wanted or 1, context)
        return wanted or min(self._settings.default_max_tokens, context - prompt)


def _sampler(body: ChatBody) -> Sampler:
    return Sampler(
        temperature=body.temperature,
        top_p=body.top_p,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        seed=body.seed,
    )


def _stops(body: ChatBody) -> tuple[str, ...]:
    if body.stop is None:
        return ()
    stops = (body.stop,) if isinstance(body.stop, str) else body.stop
    if len(stops) > 4:
        raise ServeError(400, "invalid_value", "At most 4 stop strings are allowed.", param="stop")
    return stops
