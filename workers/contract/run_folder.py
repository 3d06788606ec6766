"""The folder of one attempt of a job: all file names in it are defined here.

An engine writes its events, heartbeat, checkpoints and result; the launcher `local` adds what it needs to find
the run again. Other modules take their paths from a `RunFolder`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from workers.contract.atomic_files import json_content, write_json
from workers.contract.specs.run import ExitCode

RUN_DIR_VARIABLE = "KOSHA_RUN_DIR"
"""In the environment of every process of a run: the path of its folder."""

HEARTBEAT = "heartbeat"
CHECKPOINTS = "checkpoints"
OUTPUT = "output"
EXITS = "exits"
"""A file beside the run folders of a machine, touched when a run of launcher `local` has ended."""

KEPT_FILES = frozenset(
    {"config.json", "launch.json", "events.jsonl", "result.json", "exit.json", "stop.json", "owner"}
    | {"engine.log", "engine.log.1", "supervisor.log"}
)
"""What remains of a folder after the job has ended: everything that explains how it went."""

BACKED_UP_FILES = ("config.json", "events.jsonl", "engine.log", "engine.log.1", "supervisor.log")
"""What a backup copies of a folder besides its checkpoints and its output."""


class RunFolder:
    """The run folder `path` and the paths inside it."""

    def __init__(self, path: Path) -> None:
        self.path = path

        # -- of every run
        self.config = path / "config.json"
        """`RunConfig`, written before the engine starts."""
        self.events = path / "events.jsonl"
        """One event of `specs.events` per line, appended by the engine."""
        self.result = path / "result.json"
        """`RunResult`, written last, by rename."""
        self.output = path / OUTPUT
        """The folder of what the engine makes."""
        self.checkpoints = path / CHECKPOINTS
        self.threads = path / "threads.json"
        """How many threads the platform grants each process of the run at the moment; absent where it grants none."""

        # -- of single engines
        self.records_spool = path / "spool.jsonl"
        """The records of a curation before they are split; removed at its end."""

        # -- of launcher `local`
        self.launch = path / "launch.json"
        """The command that the supervisor runs."""
        self.owner = path / "owner"
        """The identity of the supervisor, or the mark that the run may never start."""
        self.stop = path / "stop.json"
        """Written by the launcher when the platform asks the run to stop."""
        self.exit = path / "exit.json"
        """The engine's exit code, written once no process of the run is left."""
        self.engine_log = path / "engine.log"
        self.supervisor_log = path / "supervisor.log"
        self.scratch = path / "scratch"
        """The run's TMPDIR."""

    def heartbeat(self, rank: int = 0) -> Path:
        """Touched every few seconds by the only process or by rank 0; rank n has a file of its own."""
        return self.path / (f"{HEARTBEAT}.{rank}" if rank else HEARTBEAT)

    def heartbeats(self) -> Iterator[Path]:
        """The heartbeat files of all ranks that exist."""
        return self.path.glob(f"{HEARTBEAT}*")

    def take_ownership(self, content: dict[str, object]) -> bool:
        """Create `owner` with `content`; False if the folder has an owner already."""
        draft = self.path / f"owner.{os.getpid()}"
        try:
            draft.write_text(json.dumps(content), encoding="utf-8")
            os.link(draft, self.owner)
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
        return True

    def write_threads(self, count: int) -> None:
        """Written only where it changes. Raises OSError where there is no folder."""
        content = {"version": 1, "threads": count}
        with suppress(FileNotFoundError):
            if self.threads.read_bytes() == json_content(content):
                return
        write_json(self.threads, content)

    def write_stop(self, grace: float) -> None:
        write_json(self.stop, {"version": 1, "grace": grace})

    def write_exit(self, code: int) -> None:
        write_json(self.exit, {"version": 1, "code": code, "time": time.time()})

    def declare_stopped(self) -> None:
        """Make a run that was copied from another machine count as stopped by the platform.

        Its processes are not on this machine, and their pids here belong to others. A stop by the platform does
        not count against the job's retry budget.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.exit.unlink(missing_ok=True)
        self.owner.unlink(missing_ok=True)
        self.take_ownership({"revoked": True})
        self.write_stop(0)
        self.write_exit(ExitCode.STOPPED)
