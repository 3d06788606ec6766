"""Files that are cut, changed in one bit, or gone: checkpoints of running jobs, models, indexes."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.faults.faults.base import Damaged, Injected, Skipped, Storm, awaited

ANSWER_SECONDS = 45.0
PUT_BACK_SECONDS = 60.0
REFUSED = "serve.system.artifact_damaged"


def spoil(folder: Path, how: str, draw: random.Random) -> str:
    """Damage one file of an artefact folder; what was done."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    if not files:
        raise Skipped("there was nothing to damage")
    path = draw.choice(files)
    name = path.relative_to(folder).as_posix()
    if how == "delete":
        path.unlink()
    elif how == "truncate":
        with open(path, "r+b") as file:
            file.truncate(draw.randrange(path.stat().st_size))
    else:
        with open(path, "r+b") as file:
            position = draw.randrange(path.stat().st_size)
            file.seek(position)
            byte = file.read(1)[0]
            file.seek(position)
            file.write(bytes([byte ^ 1 << draw.randrange(8)]))
    return f"{how} {name}"


@dataclass(frozen=True)
class DamagedCheckpoint:
    """The newest checkpoint of a training under way is spoilt, and its engine killed."""

    how: str

    def inject(self, storm: Storm, draw: random.Random) -> Injected:
        engines = awaited(
            lambda: [each for each in storm.installation.engines("training") if _checkpoints(each)],
            storm.patience,
        )
        if not engines:
            raise Skipped("no training with a checkpoint was running")
        engine = draw.choice(engines)
        try:
            newest = max(_checkpoints(engine), key=lambda path: int(path.name))
            engine.send_signal(signal.SIGKILL)
            engine.wait(5)
        except (psutil.Error, ValueError) as error:
            raise Skipped("the training had just ended") from error
        try:
            done = spoil(newest, self.how, draw)
        except FileNotFoundError as error:
            raise Skipped("the checkpoint was just forgotten") from error
        storm.damaged.append(Damaged(newest))
        return Injected(f"{done} of checkpoint {newest.name}; SIGKILL of its engine")


def _checkpoints(engine: psutil.Process) -> list[Path]:
    """Those that its attempt has written; none of a process that is gone."""
    try:
        folder = Path(engine.environ()["KOSHA_RUN_DIR"]) / "checkpoints"
    except (psutil.Error, KeyError):
        return []
    return [path for path in folder.glob("*") if path.name.isdigit()]


@dataclass(frozen=True)
class DamagedArtefact:
    """A finished artefact is spoilt and then asked for by a model server that was started afresh."""

    how: str
    kind: str

    def inject(self, storm: Storm, draw: random.Random) -> Injected:
        root = storm.installation.var / "storage" / "organizations"
        folders = awaited(lambda: sorted(root.glob(f"*/{self.kind}/*")), storm.patience)
        if not folders:
            raise Skipped(f"there were no {self.kind} yet")
        folder = draw.choice(folders)
        # Beside the storm's own disk, which may be full.
        with tempfile.TemporaryDirectory(prefix="kosha-kept-") as kept:
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            try:
                done = spoil(folder, self.how, draw)
                self._must_be_refused(storm, folder, f"{done} of {self.kind}/{folder.name}")
            finally:
                # Whole again before anything else happens: what other checks see is no damage of ours.
                _put_back(Path(kept), folder)
        return Injected(f"{done} of {self.kind}/{folder.name}; SIGKILL of the model server; it was asked")

    def _must_be_refused(self, storm: Storm, folder: Path, what: str) -> None:
        # Looked for among the processes, for one that knew the artefact before must not answer: what the
        # supervisor wrote down may be old while the disk is full.
        for server in storm.installation.running("workers.engines.serving"):
            # It does not count as gone while `up`, whose child it is, is stopped.
            with contextlib.suppress(psutil.Error):
                server.send_signal(signal.SIGKILL)
                server.wait(10)
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            answer = storm.ask(folder)
            if answer is not None:
                kept = storm.damage_refused if answer == REFUSED else storm.damage_used
                kept.append(f"{what}: {answer}")
                return
            time.sleep(0.5)  # between questions to a server that is starting


def _put_back(kept: Path, folder: Path) -> None:
    """The disk may be full for a while."""
    deadline = time.monotonic() + PUT_BACK_SECONDS
    while True:
        try:
            shutil.copytree(kept, folder, dirs_exist_ok=True)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)  # between tries
