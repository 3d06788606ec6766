"""Beat's scheduler: sends each task at its interval, by a clock that only goes forward.

Celery's own scheduler keeps wall-clock times in a file: after the clock was set back an hour it sent nothing
for that hour, and a second beat on the same file died. These tasks need no stored times, because each does
whatever is due. For the same reason they have no expiry time, which a worker would compare with its own clock.
Instead nothing is sent while many messages wait.
"""

from __future__ import annotations

import time
from typing import Any

from celery.beat import Scheduler

from common import queue
from workers.contract.liveness import BEAT
from workers.orchestration.liveness_files import touch

BACKLOG = 20
"""With so many messages waiting, one more tick would add nothing."""
SHORTEST_SECONDS = 0.05


class SteadyScheduler(Scheduler):  # type: ignore[misc]
    def __init__(self, *args: Any, **options: Any) -> None:
        self._due: dict[str, float] = {}
        super().__init__(*args, **options)

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due; returns the seconds until the next task is."""
        touch(BEAT)
        now = time.monotonic()
        due = [entry for entry in self.schedule.values() if self._due.get(entry.name, now) <= now]
        waiting = queue.waiting() if due else None
        for entry in due:
            self._due[entry.name] = now + entry.schedule.seconds
            if waiting is not None and waiting < BACKLOG:
                queue.send_now(entry.task, *entry.args)
                waiting += 1
        return max(SHORTEST_SECONDS, min(self._due.values()) - time.monotonic())
