"""From what the probes answered to what is said of each part: pure, so that every case is a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from common.disk import Disk
from health.components import Component, Name, Status
from health.probes import Answer, BrokerFacts, Silent, Slow, Unreachable
from health.selectors import DatabaseFacts, Queue, Signs
from workers.contract.specs.serving import Health

QUIET_SECONDS = 30.0
"""Beat rings every two seconds; a long tick may hold a worker for some more."""
WAITING_SECONDS = 30.0
UNFINALIZED_SECONDS = 60.0
BACKLOG = 5
"""So many unread messages: somebody rings, and nobody takes them."""
BUSY_ANSWERS = 48
"""Of the 64 answers a model server takes on."""


def judge(answers: Mapping[Name, Answer]) -> tuple[Component, ...]:
    """`answers` holds database, broker, storage and model server; the others follow from them."""
    return tuple(_components(answers))


def _components(answers: Mapping[Name, Answer]) -> Iterator[Component]:
    database = answers[Name.DATABASE]
    yield _database(database)
    facts = database if isinstance(database, DatabaseFacts) else None
    untold = "database_busy" if isinstance(database, Slow) else "database_away"
    yield _migrations(facts, untold)
    broker = _broker(answers[Name.BROKER])
    yield broker
    yield from _processes(facts.signs if facts else None, broker, untold)
    yield _queue(facts.queue if facts else None, untold)
    yield _storage(answers[Name.STORAGE])
    yield _model_server(answers[Name.MODEL_SERVER])
    yield Component(Name.REPLICATION, Status.NONE, "not_built")


def _lost(name: Name, answer: Answer) -> Component | None:
    if isinstance(answer, Silent):
        return Component(name, Status.DOWN, "silent")
    if isinstance(answer, Unreachable):
        return Component(name, Status.DOWN, "unreachable")
    return None


def _database(answer: Answer) -> Component:
    if isinstance(answer, Slow):
        return Component(Name.DATABASE, Status.DEGRADED, "busy")
    return _lost(Name.DATABASE, answer) or Component(Name.DATABASE, Status.OK)


def _migrations(facts: DatabaseFacts | None, untold: str) -> Component:
    """`untold`: why the database has not said it, here and below."""
    if facts is None:
        return Component(Name.MIGRATIONS, Status.UNKNOWN, untold)
    if facts.pending_migrations:
        pending = {"pending": facts.pending_migrations}
        return Component(Name.MIGRATIONS, Status.DOWN, "pending", pending)
    return Component(Name.MIGRATIONS, Status.OK, facts={"pending": 0})


def _broker(answer: Answer) -> Component:
    lost = _lost(Name.BROKER, answer)
    if lost is not None:
        return lost
    assert isinstance(answer, BrokerFacts)
    facts = {"backlog": answer.backlog}
    if answer.is_full:
        return Component(Name.BROKER, Status.DEGRADED, "full", facts)
    return Component(Name.BROKER, Status.OK, facts=facts)


def _processes(signs: Signs | None, broker: Component, untold: str) -> Iterator[Component]:
    """Workers tick because beat rings, through the broker: where the chain is broken is told by
    which sign is old and whether rings pile up unheard."""
    if signs is None:
        yield Component(Name.WORKERS, Status.UNKNOWN, untold)
        yield Component(Name.BEAT, Status.UNKNOWN, untold)
        return
    fresh = [moment for moment in signs.workers if _is_fresh(signs, moment)]
    facts = {"alive": len(fresh), "last_seen_seconds": _rounded(signs.age(signs.newest_worker))}
    beat_facts = {"last_tick_seconds": _rounded(signs.age(signs.beat))}
    unheard = broker.facts.get("backlog", 0) >= BACKLOG
    if fresh:
        yield Component(Name.WORKERS, Status.OK, facts=facts)
    elif broker.status is Status.DOWN:
        yield Component(Name.WORKERS, Status.UNKNOWN, "broker_away", facts, signs.newest_worker)
    elif unheard:
        yield Component(Name.WORKERS, Status.DOWN, "silent", facts, signs.newest_worker)
    else:
        # Nobody rang, so nothing can be said of them.
        yield Component(
            Name.WORKERS, Status.UNKNOWN, _unseen(signs.newest_worker), facts, signs.newest_worker
        )
    if signs.beat is not None and _is_fresh(signs, signs.beat):
        yield Component(Name.BEAT, Status.OK, facts=beat_facts)
    elif not fresh and (broker.status is Status.DOWN or unheard):
        code = "broker_away" if broker.status is Status.DOWN else "workers_away"
        yield Component(Name.BEAT, Status.UNKNOWN, code, beat_facts, signs.beat)
    elif signs.beat is None:
        yield Component(Name.BEAT, Status.UNKNOWN, "not_seen_yet", beat_facts)
    else:
        yield Component(Name.BEAT, Status.DOWN, "silent", beat_facts, signs.beat)


def _unseen(newest: datetime | None) -> str:
    return "not_seen_yet" if newest is None else "beat_away"


def _is_fresh(signs: Signs, moment: datetime) -> bool:
    age = signs.age(moment)
    return age is not None and age <= QUIET_SECONDS


def _queue(queue: Queue | None, untold: str) -> Component:
    if queue is None:
        return Component(Name.QUEUE, Status.UNKNOWN, untold)
    facts = {
        "oldest_waiting_seconds": _rounded(queue.oldest_waiting),
        "oldest_unfinalized_seconds": _rounded(queue.oldest_unfinalized),
        "waits_for_disk": queue.waits_for_disk,
        "waits_for_workers": queue.waits_for_workers,
    }
    if queue.waits_for_workers:
        return Component(Name.QUEUE, Status.DEGRADED, "waits_for_workers", facts)
    if (queue.oldest_waiting or 0) > WAITING_SECONDS:
        return Component(Name.QUEUE, Status.DEGRADED, "waiting_long", facts)
    if (queue.oldest_unfinalized or 0) > UNFINALIZED_SECONDS:
        return Component(Name.QUEUE, Status.DEGRADED, "unfinalized", facts)
    if queue.waits_for_disk:
        return Component(Name.QUEUE, Status.DEGRADED, "waits_for_disk", facts)
    return Component(Name.QUEUE, Status.OK, facts=facts)


def _storage(answer: Answer) -> Component:
    lost = _lost(Name.STORAGE, answer)
    if lost is not None:
        return lost
    assert isinstance(answer, Disk)
    facts = {
        "free_bytes": answer.free,
        "total_bytes": answer.total,
        "floor_bytes": answer.floor,
        "reserve_bytes": answer.reserve,
    }
    if answer.is_full:
        return Component(Name.STORAGE, Status.DOWN, "full", facts)
    if answer.is_low:
        return Component(Name.STORAGE, Status.DEGRADED, "low", facts)
    return Component(Name.STORAGE, Status.OK, facts=facts)


def _model_server(answer: Answer) -> Component:
    lost = _lost(Name.MODEL_SERVER, answer)
    if lost is not None:
        return lost
    assert isinstance(answer, Health)
    facts = {"queue": answer.queue}
    if answer.status == "starting":
        return Component(Name.MODEL_SERVER, Status.DEGRADED, "starting", facts)
    if answer.queue >= BUSY_ANSWERS:
        return Component(Name.MODEL_SERVER, Status.DEGRADED, "busy", facts)
    return Component(Name.MODEL_SERVER, Status.OK, facts=facts)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
