"""Types of job that only tests know, one for each share of a cluster that a job may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jobs import types
from jobs.types import GIBIBYTE, JobType, Size, UsualResources, register
from workers.contract.spec import Spec

LONG = 100


class Work(Spec):
    """Takes the whole machine, and may be paused."""

    items: int = 3
    processes: int = 1


class LightWork(Work):
    """Takes no core of its own; over soon where it has few items."""


class OneCoreWork(Work):
    """Takes one core."""


class WorkResult(Spec):
    model_config = {"extra": "allow"}


def work_type(name: str, spec: type[Spec], cpus: int | None = None, **fields: Any) -> JobType:
    defaults: dict[str, Any] = {
        "label": f"Doing {name}",
        "busy_label": "Working",
        "result": WorkResult,
        "engine": "tests.orchestration.probe_engine",
        "usual": UsualResources(cpus=cpus, memory_bytes=GIBIBYTE, gpu_each_process=cpus is None),
        "disk_bytes": lambda spec: 0,
        "processes": lambda spec: spec.processes,
    }
    return JobType(name=name, spec=spec, **(defaults | fields))


WORK_TYPES = (
    work_type("work", Work, can_pause=True),
    work_type("light_work", LightWork, size=lambda spec: Size.SHORT if spec.items < LONG else Size.LONG),
    work_type("one_core_work", OneCoreWork, cpus=1),
)


@contextmanager
def registered(*known: JobType) -> Iterator[None]:
    """Types (and what follows them) that are registered inside are forgotten at the end."""
    names, following = dict(types._types), {name: list(acts) for name, acts in types._followers.items()}
    register(*known)
    try:
        yield
    finally:
        for table, before in ((types._types, names), (types._followers, following)):
            table.clear()
            table.update(before)
