"""Files that are truncated, changed in one bit, or deleted: checkpoints of running jobs, models, indexes."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.faults.installation import FaultyInstallation
from tests.faults.kinds.base import CheckpointDamage, FaultContext, Injected, Skipped, find_within
from tests.installation import CAUSAL, MODELS, TINY
from workers.contract.specs.serving import ChatBody, ChatMessage, ModelChoice, SearchBody

ANSWER_SECONDS = 45.0
PUT_BACK_SECONDS = 60.0
REFUSED = "serve.system.artifact_damaged"


def damage(folder: Path, how: str, draw: random.Random) -> str:
    """Damage one file of an artifact folder; what was done."""
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
class DamageCheckpoint:
    """The newest checkpoint of a running training is damaged, and its engine killed."""

    how: str

    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        engines = find_within(
            lambda: [each for each in context.installation.engines("training") if _checkpoints(each)],
            context.timeout,
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
            done = damage(newest, self.how, draw)
        except FileNotFoundError as error:
            raise Skipped("the checkpoint had just been deleted") from error
        context.damaged.append(CheckpointDamage(newest))
        return Injected(f"{done} of checkpoint {newest.name}; SIGKILL of its engine")


def _checkpoints(engine: psutil.Process) -> list[Path]:
    """Those that its attempt has written; none where the process has ended."""
    try:
        folder = Path(engine.environ()["KOSHA_RUN_DIR"]) / "checkpoints"
    except (psutil.Error, KeyError):
        return []
    return [path for path in folder.glob("*") if path.name.isdigit()]


@dataclass(frozen=True)
class DamageArtifact:
    """A finished artifact is damaged, then a model server that was started again is asked to use it."""

    how: str
    kind: str

    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        root = context.installation.var / "storage" / "organizations"
        folders = find_within(lambda: sorted(root.glob(f"*/{self.kind}/*")), context.timeout)
        if not folders:
            raise Skipped(f"there were no {self.kind} yet")
        folder = draw.choice(folders)
        # Not on the installation's own disk, which may be full.
        with tempfile.TemporaryDirectory(prefix="kosha-kept-") as kept:
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            try:
                done = damage(folder, self.how, draw)
                self._must_be_refused(context, folder, f"{done} of {self.kind}/{folder.name}")
            finally:
                # Restored before anything else happens: other checks must not find this damage.
                _put_back(Path(kept), folder)
        return Injected(f"{done} of {self.kind}/{folder.name}; SIGKILL of the model server; it was asked")

    def _must_be_refused(self, context: FaultContext, folder: Path, what: str) -> None:
        # The state file may be old while the disk is full, so the server is found among the processes. One that
        # read the artifact before its damage must not answer.
        for server in context.installation.running("workers.engines.serving"):
            # Its parent `up` may be stopped, and then it stays a zombie.
            with contextlib.suppress(psutil.Error):
                server.send_signal(signal.SIGKILL)
                server.wait(10)
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            code = use_artifact(context.installation, folder)
            if code is not None:
                if code != REFUSED:
                    context.damage_used.append(f"{what}: {code}")
                return
            time.sleep(0.5)  # between requests to a server that is starting


def use_artifact(installation: FaultyInstallation, folder: Path) -> str | None:
    """Let the model server use it: `used`, the code of its refusal, or None without an answer."""
    path: str
    body: SearchBody | ChatBody
    if folder.parent.name == "indexes":
        path, body = "/v1/search", SearchBody(index=folder, query="棚卸し", groups=())
    else:
        base = MODELS / CAUSAL if _is_for_causal(folder) else installation.folder / "models" / TINY
        path, body = (
            "/v1/chat/completions",
            ChatBody(
                messages=(ChatMessage(role="user", content="Hello"),),
                kosha=ModelChoice(base_model=base, adapter=folder),
                max_tokens=1,
            ),
        )
    token = (installation.var / "model_server_token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    try:
        url = installation.state["model_server_url"] + path
        answer = httpx.post(
            url, json=body.model_dump(mode="json"), headers=headers, timeout=60, trust_env=False
        )
        value = answer.json()
    except (httpx.HTTPError, ValueError, KeyError):
        return None
    # A refusal that comes after the first keep-alive has its status in the body.
    if value.get("status", answer.status_code) == 503:
        return None
    return str(value["error"]["code"]) if "error" in value else "used"


def _is_for_causal(folder: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return f'"base_model": "{CAUSAL}"' in (folder / "manifest.json").read_text()
    return True


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
