"""Beat's scheduler: rings for each task at its interval, by a clock that only goes forward.

Celery's own keeps wall-clock times in a file: after the clock was set back an hour it sent nothing for
that hour, and a second beat on the same file died. Ticks need no memory: each does whatever there is to
do. For the same reason they carry no time of expiry, which the worker would compare with a clock of its
own; that they do not pile up while nobody works is seen to here, by counting.
"""

from __future__ import annotations

import time
from typing import Any

from celery.beat import Scheduler

from common import queue
from workers.orchestration.liveness_files import BEAT, touch

BACKLOG = 20
"""With so many messages waiting, one more tick would add nothing."""
SHORTEST_SECONDS = 0.05


class Bell(Scheduler):  # type: ignore[misc]
    def __init__(self, *args: Any, **options: Any) -> None:
        self._due: dict[str, float] = {}
        super().__init__(*args, **options)

    def tick(self, *_: Any, **__: Any) -> float:
        """Ring for what is due; the seconds until the next is."""
        touch(BEAT)
        now = time.monotonic()
        due = [entry for entry in self.schedule.values() if self._due.get(entry.name, now) <= now]
        waiting = queue.waiting() if due else None
        for entry in due:
            self._due[entry.name] = now + entry.schedule.seconds
            if waiting is not None and waiting < BACKLOG:
                queue.ring(entry.task, *entry.args)
                waiting += 1
        return max(SHORTEST_SECONDS, min(self._due.values()) - time.monotonic())
