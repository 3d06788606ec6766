"""Every kind of fault by name: how it is done and how it is healed."""

from __future__ import annotations

from tests.faults.faults.base import Fault, Impossible, Skipped
from tests.faults.faults.clocks import ClockSkew
from tests.faults.faults.damage import DamagedArtefact, DamagedCheckpoint
from tests.faults.faults.disk import FullDisk
from tests.faults.faults.messages import DoubledMessages, FlushedMemory, SecondBeat
from tests.faults.faults.processes import Killed, KilledUp, Stopped
from tests.faults.faults.servers import RefusedConnections

VICTIMS = (
    "web", "worker", "worker-child", "beat", "model-server", "postgres", "postgres-backend", "valkey",
    "engine", "rank", "wrapper", "up",
)  # fmt: skip


def _all() -> dict[str, Fault]:
    kinds: dict[str, Fault] = {}
    for victim in VICTIMS:
        kinds[f"kill {victim}"] = Killed(victim)
        kinds[f"stop {victim}"] = Stopped(victim)
    kinds["kill up"] = KilledUp()
    kinds["flush valkey"] = FlushedMemory()
    kinds["refuse connections"] = RefusedConnections()
    for moment in ("checkpoint", "upload", "index"):
        kinds[f"fill disk at {moment}"] = FullDisk(moment)
    kinds["clock ahead"] = ClockSkew("+3600")
    kinds["clock behind"] = ClockSkew("-3600")
    for how in ("truncate", "flip", "delete"):
        kinds[f"{how} checkpoint"] = DamagedCheckpoint(how)
        kinds[f"{how} model"] = DamagedArtefact(how, "models")
        kinds[f"{how} index"] = DamagedArtefact(how, "indexes")
    kinds["second beat"] = SecondBeat()
    kinds["double messages"] = DoubledMessages()
    return kinds


KINDS = _all()

__all__ = ["KINDS", "Fault", "Impossible", "Skipped"]
