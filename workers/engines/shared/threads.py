"""How many threads an engine computes with: as many as the platform grants it, which changes while it runs.

Alone a run has every core. While light jobs run beside it, it gives some back: between two layers of a training, two
tokens of an evaluation, two batches of an index. The results differ by rounding only.
"""

from __future__ import annotations

import json
import sys
import time

from workers.contract.run_folder import RunFolder
from workers.engines.shared.runtime import Run

LOOK_SECONDS = 0.1


class GrantedThreads:
    """Begins with the threads of the run's configuration."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._file = RunFolder(run.directory).threads
        self._seen: int | None = None
        """The file's modification time when it was read last."""
        self._look_at = 0.0
        self.count = run.config.threads
        use_threads(self.count)
        self.follow()

    def follow(self) -> None:
        """Call it between two computations, as often as you like, always from the same thread."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        granted = self._granted()
        if granted != self.count:
            self.count = granted
            use_threads(granted)

    def stop_requested(self) -> bool:
        """Follows, and tells whether the run shall stop."""
        self.follow()
        return self._run.stop_requested

    def _granted(self) -> int:
        try:
            changed = self._file.stat().st_mtime_ns
            if changed == self._seen:
                return self.count
            granted = int(json.loads(self._file.read_bytes())["threads"])
        except (OSError, ValueError, KeyError, TypeError):
            return self.count
        self._seen = changed
        return max(1, granted)


def use_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)
    if (faiss := sys.modules.get("faiss")) is not None:
        faiss.omp_set_num_threads(count)
