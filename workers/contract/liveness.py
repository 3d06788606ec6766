"""Files that worker and beat touch while they work, and that the supervisor and Kubernetes look at."""

from __future__ import annotations

FOLDER = "liveness"
"""Below `KOSHA_VAR`."""
WORKER = "worker"
"""Touched from the timer of the worker's main process."""
BEAT = "beat"
"""Touched at each tick of the beat scheduler."""
TASKS = "tasks"
"""Touched by the worker's children whenever a task begins."""
FORK_SERVER = "fork-server"
"""Touched by the fork server while it waits."""
FILES = (WORKER, BEAT, TASKS, FORK_SERVER)
