"""Derives what is reported of each part from the answers of the probes; pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from common.disk import Disk
from health.parts import CRITICAL, FINDINGS, Name, Status
from health.probes import Answer, BrokerFacts, Silent, Slow, Unreachable
from health.selectors import DatabaseFacts, PendingMigrations
from workers.contract.specs.ingest import Isolation
from workers.contract.specs.serving import Health

QUIET_SECONDS = 30.0
"""Beat sends a task every two seconds, and a long one may occupy a worker."""
WAITING_SECONDS = 30.0
UNFINALIZED_SECONDS = 60.0
AUDIT_OVERDUE_SECONDS = 1800.0
BACKLOG = 5
"""With so many messages in the queue, tasks are sent and no worker takes them."""
BUSY_ANSWERS = 48
"""Of the 64 answers that a model server takes on."""


@dataclass(frozen=True)
class Component:
    """What is reported of one part."""

    name: Name
    code: str = ""
    """Why it does not work, as in `FINDINGS`; empty where it does."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Figures for machines and for the page; no names, addresses or texts of users."""
    since: datetime | None = None
    """When this status began; None: not known."""

    @property
    def status(self) -> Status:
        return FINDINGS[self.name, self.code][0] if self.code else Status.OK


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


def judge(answers: Mapping[Name, Answer]) -> Iterator[Component]:
    """`answers` holds database, broker, storage and model server; the other parts follow from them."""
    database, broker = answers[Name.DATABASE], answers[Name.BROKER]
    is_busy = isinstance(database, Slow)
    unknown_reason = "database_busy" if is_busy else "database_away"
    yield Component(Name.DATABASE, "busy" if is_busy else _lost(database))
    if isinstance(database, PendingMigrations):
        yield Component(Name.MIGRATIONS, "pending", {"pending": database.count})
    elif isinstance(database, DatabaseFacts):
        yield Component(Name.MIGRATIONS, facts={"pending": 0})
    else:
        yield Component(Name.MIGRATIONS, unknown_reason)
    if isinstance(broker, BrokerFacts):
        yield Component(Name.BROKER, "full" if broker.is_full else "", {"backlog": broker.backlog})
    else:
        yield Component(Name.BROKER, _lost(broker))
    if isinstance(database, DatabaseFacts):
        yield from _processes(database, broker)
        yield _queue(database)
        yield _audit(database)
        yield _parsers(database)
        yield _mail(database)
    else:
        unknown = (Name.WORKERS, Name.BEAT, Name.QUEUE, Name.AUDIT, Name.PARSERS, Name.MAIL)
        yield from (Component(name, unknown_reason) for name in unknown)
    yield _storage(answers[Name.STORAGE])
    server = answers[Name.MODEL_SERVER]
    if isinstance(server, Health):
        code = _first(("starting", server.status == "starting"), ("busy", server.queue >= BUSY_ANSWERS))
        yield Component(Name.MODEL_SERVER, code, {"queue": server.queue})
    else:
        yield Component(Name.MODEL_SERVER, _lost(server))
    yield Component(Name.REPLICATION, "not_built")


def _processes(database: DatabaseFacts, broker: Answer) -> Iterator[Component]:
    """Workers take the tasks that beat sends through the broker. Which sign of life is old, and whether tasks
    pile up, shows which of the three has stopped."""
    is_broker_away = not isinstance(broker, BrokerFacts)
    is_piling_up = isinstance(broker, BrokerFacts) and broker.backlog >= BACKLOG
    alive = sum(database.age(moment) <= QUIET_SECONDS for moment in database.workers)
    newest, beat = max(database.workers, default=None), database.beat
    code = _first(
        ("", alive > 0),
        ("broker_away", is_broker_away),
        ("silent", is_piling_up),
        ("not_seen_yet", newest is None),
        ("beat_away", True),
    )
    facts = {"alive": alive, "last_seen_seconds": _age(database, newest)}
    yield Component(Name.WORKERS, code, facts, newest if code else None)
    code = _first(
        ("", beat is not None and database.age(beat) <= QUIET_SECONDS),
        ("broker_away", not alive and is_broker_away),
        ("workers_away", not alive and is_piling_up),
        ("not_seen_yet", beat is None),
        ("silent", True),
    )
    yield Component(Name.BEAT, code, {"last_tick_seconds": _age(database, beat)}, beat if code else None)


def _queue(database: DatabaseFacts) -> Component:
    waiting, unfinalized = database.oldest_waiting, database.oldest_unfinalized
    code = _first(
        ("waits_for_workers", database.waits_for_workers),
        ("waiting_long", (waiting or 0) > WAITING_SECONDS),
        ("unfinalized", (unfinalized or 0) > UNFINALIZED_SECONDS),
        ("waits_for_disk", database.waits_for_disk),
    )
    facts = {
        "oldest_waiting_seconds": None if waiting is None else round(waiting, 1),
        "oldest_unfinalized_seconds": None if unfinalized is None else round(unfinalized, 1),
        "waits_for_disk": database.waits_for_disk,
        "waits_for_workers": database.waits_for_workers,
    }
    return Component(Name.QUEUE, code, facts)


def _audit(database: DatabaseFacts) -> Component:
    trail, age = database.trail, _age(database, database.trail.verified_at)
    code = _first(
        ("broken", trail.broken_chains > 0),
        ("", trail.is_empty),
        ("not_verified_yet", age is None),
        ("overdue", (age or 0) > AUDIT_OVERDUE_SECONDS),
    )
    facts = {
        "verified_events": trail.events,
        "last_verified_seconds": age,
        "broken_chains": trail.broken_chains,
        "broken_event": trail.broken_sequence,
    }
    return Component(Name.AUDIT, code, facts)


def _parsers(database: DatabaseFacts) -> Component:
    weakest = max(database.parser_isolations, key=get_args(Isolation).index, default=None)
    engines = sorted(set(database.ocr_engines), key=lambda name: (name != "none", name))
    facts = {"isolation": weakest, "ocr": engines[0] if engines else None}
    return Component(Name.PARSERS, "limits_only" if weakest == "limits" else "", facts)


def _mail(database: DatabaseFacts) -> Component:
    mail = database.mail
    code = _first(("not_set", not mail.is_set), ("not_taken", mail.waiting > 0))
    facts = {"waiting": mail.waiting, "oldest_waiting_seconds": _age(database, mail.oldest)}
    return Component(Name.MAIL, code, facts if mail.is_set else {})


def _storage(answer: Answer) -> Component:
    if not isinstance(answer, Disk):
        return Component(Name.STORAGE, _lost(answer))
    facts = {
        "free_bytes": answer.free,
        "total_bytes": answer.total,
        "floor_bytes": answer.floor,
        "reserve_bytes": answer.reserve,
    }
    return Component(Name.STORAGE, _first(("full", answer.is_full), ("low", answer.is_low)), facts)


def _lost(answer: Answer) -> str:
    if isinstance(answer, Silent):
        return "silent"
    return "unreachable" if isinstance(answer, Unreachable) else ""


def _first(*rules: tuple[str, bool]) -> str:
    """The code of the first rule that holds; empty where none does."""
    return next((code for code, holds in rules if holds), "")


def _age(database: DatabaseFacts, moment: datetime | None) -> float | None:
    return None if moment is None else round(database.age(moment), 1)
