"""The folder of one attempt of a job: the one owner of the file names in it.

An engine writes its events, heartbeat, checkpoints and result; the launcher `local` adds what it needs to find
the run again. Every other module asks a `RunFolder` for a path and never spells a name itself.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.contract.atomic_files import write_json
from workers.contract.specs.run import ExitCode

RUN_DIR_VARIABLE = "KOSHA_RUN_DIR"
"""In the environment of every process of a run: the path of its folder."""

HEARTBEAT = "heartbeat"
CHECKPOINTS = "checkpoints"
OUTPUT = "output"
EXITS = "exits"
"""A file beside the run folders of a machine, touched whenever a run of launcher `local` has ended."""

KEPT_FILES = frozenset(
    {"config.json", "launch.json", "events.jsonl", "result.json", "exit.json", "stop.json", "owner"}
    | {"engine.log", "engine.log.1", "supervisor.log"}
)
"""What stays of a folder after the job has ended: all that explains how it went."""

BACKED_UP_FILES = ("config.json", "events.jsonl", "engine.log", "engine.log.1", "supervisor.log")
"""What a backup takes of a folder beside its checkpoints and its output."""


@dataclass(frozen=True)
class RunFolder:
    """Paths inside the run folder `path`."""

    path: Path

    # -- of every run ---------------------------------------------------------------------------
    @property
    def config(self) -> Path:
        """`RunConfig`, written before the engine starts."""
        return self.path / "config.json"

    @property
    def events(self) -> Path:
        """One event of `specs.events` per line, appended by the engine."""
        return self.path / "events.jsonl"

    @property
    def result(self) -> Path:
        """`RunResult`, written last, by rename."""
        return self.path / "result.json"

    @property
    def output(self) -> Path:
        """The folder of what the engine makes."""
        return self.path / OUTPUT

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    def heartbeat(self, rank: int = 0) -> Path:
        """Touched every few seconds by the only process or by rank 0; rank n has a file of its own."""
        return self.path / (f"{HEARTBEAT}.{rank}" if rank else HEARTBEAT)

    def heartbeats(self) -> Iterator[Path]:
        """The heartbeat files of all ranks that exist."""
        return self.path.glob(f"{HEARTBEAT}*")

    # -- of single engines ------------------------------------------------------------------------
    @property
    def parse_task(self) -> Path:
        """What the child process of an ingest is told to parse."""
        return self.path / "parse-task.json"

    @property
    def parse_progress(self) -> Path:
        """How many pages the child has read, of how many."""
        return self.path / "parse-progress"

    @property
    def parse_outcome(self) -> Path:
        """What the child found, or why it could not read the file."""
        return self.path / "parse-outcome.json"

    @property
    def records_spool(self) -> Path:
        """The records of a curation before they are split; removed at its end."""
        return self.path / "spool.jsonl"

    # -- of launcher `local` ----------------------------------------------------------------------
    @property
    def launch(self) -> Path:
        """The command that the supervisor runs."""
        return self.path / "launch.json"

    @property
    def owner(self) -> Path:
        """The identity of the supervisor, or the mark that the run may never start."""
        return self.path / "owner"

    @property
    def stop(self) -> Path:
        """Left by the launcher when the platform asks the run to stop."""
        return self.path / "stop.json"

    @property
    def exit(self) -> Path:
        """The engine's exit code, written once no process of the run is left."""
        return self.path / "exit.json"

    @property
    def engine_log(self) -> Path:
        return self.path / "engine.log"

    @property
    def supervisor_log(self) -> Path:
        return self.path / "supervisor.log"

    @property
    def scratch(self) -> Path:
        """The run's TMPDIR."""
        return self.path / "scratch"

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
