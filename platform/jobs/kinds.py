"""The kinds of job: which engine runs each, what it asks of a cluster, whether it can pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.models import Cluster

GIBIBYTE = 1 << 30


@dataclass(frozen=True)
class Resources:
    """What a job asks of its cluster; None stands for what its kind usually takes.

    `cpus=0` asks for no cores of its own: a short job that runs beside the others, in one of the
    cluster's few `light_slots`, so that an upload is readable while a training takes every core.
    """

    cpus: int | None = None
    gpus: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Kind:
    engine_module: str
    """Started as `python -m <engine_module> config.json`."""
    all_cores: bool
    """Takes every core, so that two of them never fight (they would run three times slower)."""
    cpus: int
    """Cores taken where `all_cores` is false."""
    memory_bytes: int
    uses_gpu: bool = False
    can_pause: bool = False


KINDS: dict[str, Kind] = {
    "ingest": Kind("workers.engines.ingest", all_cores=False, cpus=0, memory_bytes=GIBIBYTE),
    "curation": Kind("workers.engines.curation", all_cores=False, cpus=1, memory_bytes=2 * GIBIBYTE),
    "training": Kind(
        "workers.engines.training",
        all_cores=True,
        cpus=0,
        memory_bytes=4 * GIBIBYTE,
        uses_gpu=True,
        can_pause=True,
    ),
    "evaluation": Kind(
        "workers.engines.evaluation", all_cores=True, cpus=0, memory_bytes=4 * GIBIBYTE, uses_gpu=True
    ),
    "retrieval": Kind(
        "workers.engines.retrieval", all_cores=True, cpus=0, memory_bytes=2 * GIBIBYTE, uses_gpu=True
    ),
    "export": Kind("workers.engines.export", all_cores=False, cpus=0, memory_bytes=2 * GIBIBYTE),
}


@dataclass(frozen=True)
class Need:
    """`Resources` with every figure settled for one cluster."""

    cpus: int
    gpus: int
    memory_bytes: int
    light: int
    """1 for a job without cores of its own, else 0."""


def settle(kind: str, asked: Resources, cluster: Cluster, processes: int) -> Need:
    """What a job of `kind` takes of `cluster`. A usual figure is cut to what the cluster has; an
    explicit one is not (the caller refuses what does not fit)."""
    usual = KINDS[kind]
    gpus = asked.gpus
    if gpus is None:
        gpus = min(processes, cluster.gpus) if usual.uses_gpu else 0
    cpus = asked.cpus
    if cpus is None:
        cpus = _usual_cpus(usual, gpus, cluster)
    memory_bytes = asked.memory_bytes
    if memory_bytes is None:
        memory_bytes = min(usual.memory_bytes, cluster.memory_bytes)
    return Need(cpus=cpus, gpus=gpus, memory_bytes=memory_bytes, light=0 if cpus or gpus else 1)


def _usual_cpus(usual: Kind, gpus: int, cluster: Cluster) -> int:
    if gpus:
        # Its share of the cores goes with each GPU, so that as many jobs fit as there are GPUs.
        return max(1, cluster.cpus * gpus // cluster.gpus)
    return cluster.cpus if usual.all_cores else min(usual.cpus, cluster.cpus)
