"""The thread that writes all answers: it admits those that wait and advances those that run."""

from __future__ import annotations

import logging
import threading
from collections import deque

from workers.engines.serving.backends.torch.batch import AnswerBatch, Generation
from workers.engines.serving.backends.torch.model import TorchTextModel
from workers.engines.serving.errors import ServeError, too_busy, unexpected

log = logging.getLogger(__name__)


class Scheduler:
    """`submit` from any thread. Answers of one base model are written together, of several in turn."""

    def __init__(self, *, batch_size: int, queue_limit: int) -> None:
        self._batch_size = batch_size
        self._queue_limit = queue_limit
        self._waiting: deque[Generation] = deque()
        # Neither waiting nor in a batch: its prompt is being read.
        self._joining: Generation | None = None
        self._batches: dict[TorchTextModel, AnswerBatch] = {}
        self._changed = threading.Condition(threading.RLock())
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def submit(self, answer: Generation) -> None:
        """Raises ServeError `model_server_busy`; then `answer.release` has not been called."""
        with self._changed:
            if self._closed or self.size() >= self._queue_limit:
                raise too_busy()
            self._waiting.append(answer)
            self._changed.notify()

    def size(self) -> int:
        """Answers that wait or are being written."""
        with self._changed:
            batched = [answer for batch in self._batches.values() for answer in batch.answers]
            joining = self._joining is not None and self._joining not in batched
            return len(self._waiting) + len(batched) + joining

    def close(self) -> None:
        """Cancel everything and wait for the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._batches = {model: batch for model, batch in self._batches.items() if batch.answers}
                self._changed.wait_for(lambda: self._closed or self._waiting or self._batches)
                if self._closed:
                    break
            self._drop_cancelled()
            # One prompt between two steps: a new answer soon gets its first token, and the others never
            # wait for more than one prompt.
            answer = self._next()
            if answer is not None:
                self._join(answer)
            for batch in list(self._batches.values()):
                self._step(batch)
        for batch in self._batches.values():
            batch.fail(too_busy())
        for answer in self._waiting:
            answer.put(too_busy())
            answer.release()

    def _drop_cancelled(self) -> None:
        with self._changed:
            gone = [answer for answer in self._waiting if answer.cancelled.is_set()]
            self._waiting = deque(answer for answer in self._waiting if not answer.cancelled.is_set())
        for answer in gone:
            answer.release()
        for batch in self._batches.values():
            batch.keep([not answer.cancelled.is_set() for answer in batch.answers])

    def _next(self) -> Generation | None:
        """The oldest waiting answer whose batch has room."""
        with self._changed:
            for answer in self._waiting:
                batch = self._batches.get(answer.model)
                if batch is None or len(batch.answers) < self._batch_size:
                    self._waiting.remove(answer)
                    self._joining = answer
                    return answer
        return None

    def _join(self, answer: Generation) -> None:
        with self._changed:  # other threads iterate over them in `size`
            batch = self._batches.setdefault(answer.model, AnswerBatch(answer.model))
        try:
            with answer.model.lock:
                batch.join(answer)
        except Exception as error:  # one bad answer must not end the thread that writes all others
            answer.put(_as_serve_error(error))
            answer.release()
        self._joining = None

    def _step(self, batch: AnswerBatch) -> None:
        if not batch.answers:
            return
        try:
            with batch.answers[0].model.lock:
                batch.step()
        except Exception as error:
            batch.fail(_as_serve_error(error))


def _as_serve_error(error: Exception) -> ServeError:
    log.exception("writing failed", exc_info=error)
    return error if isinstance(error, ServeError) else unexpected()
