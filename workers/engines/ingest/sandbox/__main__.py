"""Started by bubblewrap: reads the task from standard input, then serves it."""

from __future__ import annotations

import sys

from workers.engines.ingest.sandbox.process import serve
from workers.engines.ingest.sandbox.task import Task

if __name__ == "__main__":
    sys.exit(serve(Task.model_validate_json(sys.stdin.buffer.read())))
