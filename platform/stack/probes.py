"""How each part of the stack shows that it lives, and that it is ready.

Being alive is a weaker claim than being ready: a web whose database is away, a PostgreSQL that
recovers or has no connection left, a model server that loads are busy, not dead, and killing them
would only make it worse. So whatever is an answer at all counts as life.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path

import redis
from psycopg import pq

from stack.watch import Probe

ANSWER_SECONDS = 10.0

WORKER, BEAT, TASKS = "worker", "beat", "tasks"
"""Files in `var/beacons/`: touched by the worker's main process, by beat at each tick, and by the
worker's children whenever a task begins (`workers/orchestration/liveness_files.py`)."""


def http_status(host: str, port: int, path: str, seconds: float = ANSWER_SECONDS) -> int | None:
    """The status of the answer; None where there is none."""
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def http_is_served(host: str, port: int, path: str) -> bool:
    """Also by a refusal: the name we ask by need not be one that the outside may use."""
    status = http_status(host, port, path)
    return status is not None and status < 500


def http_probe(host: str, port: int, path: str, failures: int = 12) -> Probe:
    return Probe(lambda: http_status(host, port, path) is not None, failures=failures)


def valkey_answers(url: str) -> bool:
    """Also where it refuses: it is loading, out of memory, or asks for another password."""
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            client.ping()
        return True
    except (redis.ResponseError, redis.AuthenticationError, redis.BusyLoadingError):
        return True
    except redis.RedisError:
        return False


def postgres_answers(host: str, port: int, seconds: float = ANSWER_SECONDS) -> bool:
    """libpq's own question, asked before any password: it counts "starting up", "recovering" and
    "too many clients" as answers."""
    conninfo = f"host={host} port={port} dbname=postgres connect_timeout={seconds:.0f}"
    return pq.PGconn.ping(conninfo.encode()) in (pq.Ping.OK, pq.Ping.REJECT)


def postgres_probe(host: str, port: int) -> Probe:
    # To kill a PostgreSQL that is merely busy costs a recovery; to wait five minutes costs five minutes.
    return Probe(lambda: postgres_answers(host, port), every=10, failures=30)


class Moved:
    """Whether a beacon has been touched since the last look. "Moved", not "recent": clocks jump."""

    def __init__(self, beacon: Path) -> None:
        self._beacon = beacon
        self._seen = self._mark()

    def __call__(self) -> bool:
        before, self._seen = self._seen, self._mark()
        return self._seen != before

    def reset(self) -> None:
        """What happened until now does not count."""
        self._seen = self._mark()

    def _mark(self) -> int:
        try:
            return self._beacon.stat().st_mtime_ns
        except OSError:
            return 0


def beat_probe(beacons: Path) -> Probe:
    return Probe(Moved(beacons / BEAT))


def worker_probes(beacons: Path, redis_url: str) -> tuple[Probe, ...]:
    """Its loop turns, and it takes tasks. While the broker or beat is away, nothing is to be expected."""
    loop, tasks, beat = Moved(beacons / WORKER), Moved(beacons / TASKS), Moved(beacons / BEAT)

    def consumes() -> bool:
        rung, taken = beat(), tasks()
        return taken or not rung or not valkey_answers(redis_url)

    return (
        Probe(_either(loop, lambda: not valkey_answers(redis_url))),
        # Longer than the hard limit of two tasks that hang in both children.
        Probe(consumes, every=10, failures=30),
    )


def _either(first: Callable[[], bool], second: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: first() or second()
