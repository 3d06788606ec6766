"""From a chat request to a running answer: load, count, check, submit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from workers.serving.batch import Answer, Delta, Done, Failed, Happening
from workers.serving.errors import ServeError, context_too_long
from workers.serving.sampling import Sampler
from workers.serving.scheduler import Scheduler
from workers.serving.settings import ServeSettings
from workers.serving.shelf import Lease, Shelf
from workers.serving.text_model import TextModel
from workers.serving.text_stream import TextStream
from workers.specs.serve import ChatBody, ModelChoice, TokensAnswer, TokensBody

KIND = "base_models"


class RunningAnswer:
    """An answer being written. Iterate it once; `cancel` it when nobody listens any more."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self._answer: Answer | None = None

    def emit(self, happening: Happening) -> None:
        """From the scheduler's thread."""
        # While the server shuts down the loop may be gone, and with it whoever listened.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._happenings.put_nowait, happening)

    def watch(self, answer: Answer) -> None:
        self._answer = answer

    def cancel(self) -> None:
        if self._answer:
            self._answer.cancelled.set()

    async def __aiter__(self) -> AsyncIterator[Delta | Done]:
        """Texts, then one Done. Raises ServeError when writing failed."""
        while True:
            happening = await self._happenings.get()
            if isinstance(happening, Failed):
                raise happening.error
            yield happening
            if isinstance(happening, Done):
                return


class Chat:
    def __init__(self, settings: ServeSettings, shelf: Shelf) -> None:
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
        running.watch(await asyncio.to_thread(self._submit, body, running))
        return running

    def load(self, choice: ModelChoice) -> None:
        lease, adapter = self._lease(choice)
        lease.thing.detach(adapter)
        lease.release()

    def count_tokens(self, body: TokensBody) -> TokensAnswer:
        with self._shelf.lease(KIND, body.kosha.base_model, self._open, "kosha.base_model") as model:
            tokens = len(model.prompt(body.messages)) if body.messages else 0
            tokens += len(model.encode(body.text)) if body.text else 0
            return TokensAnswer(tokens=tokens, context_length=model.context_length)

    def _submit(self, body: ChatBody, running: RunningAnswer) -> Answer:
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
            )
            self._scheduler.submit(answer)
        except BaseException:
            release()
            raise
        return answer

    def _lease(self, choice: ModelChoice) -> tuple[Lease[TextModel], Path | None]:
        """The model with the adapter attached; both must be given back."""
        adapter = choice.adapter and self._shelf.allowed(choice.adapter, "kosha.adapter")
        lease = self._shelf.lease(KIND, choice.base_model, self._open, "kosha.base_model")
        try:
            lease.thing.attach(adapter)
        except BaseException:
            lease.release()
            raise
        return lease, adapter

    def _open(self, folder: Path) -> TextModel:
        return TextModel(folder, self._settings)

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
