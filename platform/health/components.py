"""The parts of an installation, and what is said of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Name(StrEnum):
    DATABASE = "database"
    MIGRATIONS = "migrations"
    BROKER = "broker"
    WORKERS = "workers"
    BEAT = "beat"
    QUEUE = "queue"
    STORAGE = "storage"
    MODEL_SERVER = "model_server"
    REPLICATION = "replication"


class Status(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    """It cannot be told: never seen yet, or what would tell is itself away."""
    NONE = "none"
    """This installation has none, by design."""


CRITICAL = frozenset({Name.DATABASE, Name.MIGRATIONS})
"""Without these a web process cannot do its work."""


@dataclass(frozen=True)
class Component:
    name: Name
    status: Status
    code: str = ""
    """Why it is not `ok`; stable."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Figures, for machines and for the page: never a name, an address or a text of anybody's."""
    since: datetime | None = None
    """When this status began; None: not known."""


@dataclass(frozen=True)
class Report:
    components: tuple[Component, ...]
    made_at: float
    """`time.monotonic()`."""

    @property
    def is_ready(self) -> bool:
        return not any(c.name in CRITICAL and c.status is Status.DOWN for c in self.components)

    @property
    def status(self) -> str:
        good = (Status.OK, Status.NONE)
        return "ok" if all(c.status in good for c in self.components) else "degraded"

    def get(self, name: Name) -> Component:
        return next(component for component in self.components if component.name is name)
