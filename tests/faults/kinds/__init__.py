"""Every kind of fault, by name."""

from __future__ import annotations

from tests.faults.kinds.base import Fault, Impossible, Skipped
from tests.faults.kinds.clocks import SkewClock
from tests.faults.kinds.damage import DamageArtifact, DamageCheckpoint
from tests.faults.kinds.disk import FillDisk
from tests.faults.kinds.messages import DuplicateMessages, FlushValkey, StartSecondBeatScheduler
from tests.faults.kinds.processes import Kill, KillUp, Stop
from tests.faults.kinds.servers import RefuseConnections

VICTIMS = (
    "web", "worker", "worker-child", "beat", "model-server", "postgres", "postgres-backend", "valkey",
    "fork-server", "engine", "rank", "run-supervisor", "up",
)  # fmt: skip


def _all() -> dict[str, Fault]:
    kinds: dict[str, Fault] = {}
    for victim in VICTIMS:
        kinds[f"kill {victim}"] = Kill(victim)
        kinds[f"stop {victim}"] = Stop(victim)
    kinds["kill up"] = KillUp()
    kinds["flush valkey"] = FlushValkey()
    kinds["refuse connections"] = RefuseConnections()
    for moment in ("checkpoint", "upload", "index"):
        kinds[f"fill disk at {moment}"] = FillDisk(moment)
    kinds["clock ahead"] = SkewClock("+3600")
    kinds["clock behind"] = SkewClock("-3600")
    for how in ("truncate", "flip", "delete"):
        kinds[f"{how} checkpoint"] = DamageCheckpoint(how)
        kinds[f"{how} model"] = DamageArtifact(how, "models")
        kinds[f"{how} index"] = DamageArtifact(how, "indexes")
    kinds["second beat scheduler"] = StartSecondBeatScheduler()
    kinds["duplicate messages"] = DuplicateMessages()
    return kinds


KINDS = _all()

__all__ = ["KINDS", "Fault", "Impossible", "Skipped"]
