"""Threads that work until they are stopped: clients and samplers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class Threads:
    """A thread that crashes is reported in `crashes`; the others go on."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.crashes: list[str] = []
        self._threads: list[threading.Thread] = []

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` once; it looks at `stop` by itself."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                self.crashes.append(f"{name}: {error!r}")

        self._threads.append(threading.Thread(target=run, name=name, daemon=True))
        self._threads[-1].start()

    def repeat(self, name: str, work: Callable[[], None], pause: float) -> None:
        """Run `work` again and again, each time after `pause` seconds; a crash ends none of the repetitions."""

        def run() -> None:
            while not self.stop.wait(pause):
                try:
                    work()
                except Exception as error:
                    self.crashes.append(f"{name}: {error!r}")

        self.start(name, run)

    def join(self) -> None:
        """Wait until all have ended by themselves."""
        for thread in self._threads:
            thread.join()

    def end(self) -> None:
        self.stop.set()
        self.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
