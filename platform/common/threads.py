"""Work in a thread that does not delay the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

ResultT = TypeVar("ResultT")


def in_background(work: Callable[[], ResultT], name: str) -> Future[ResultT]:
    """Run `work` in a daemon thread. The process would wait for the threads of an executor when it ends.

    Raises RuntimeError if no thread can be started.
    """
    future: Future[ResultT] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # raised again where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
