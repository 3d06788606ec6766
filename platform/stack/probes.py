"""How each part of the stack shows that it is alive, and that it is ready.

Being alive is a weaker claim than being ready. A web whose database is away, a PostgreSQL that recovers or has no free
connection, and a model server that loads are busy, not dead, and killing them would make it worse. So any answer at all
counts as a sign of life.
"""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

import redis
from psycopg import pq

from stack.service import LivenessProbe
from workers.contract import liveness

ANSWER_SECONDS = 10.0


def accepts_connections(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def http_status(host: str, port: int, path: str) -> int | None:
    """The status of the answer; None where there is none."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def valkey_answers(url: str) -> bool:
    """Also by a refusal: it is loading, out of memory, or asks for another password."""
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            client.ping()
        return True
    except (redis.ResponseError, redis.AuthenticationError, redis.BusyLoadingError):
        return True
    except redis.RedisError:
        return False


def postgres_answers(host: str, port: int, seconds: float = ANSWER_SECONDS) -> bool:
    """libpq's ping, which needs no password: "starting up", "recovering" and "too many clients" are answers, too."""
    conninfo = f"host={host} port={port} dbname=postgres connect_timeout={seconds:.0f}"
    return pq.PGconn.ping(conninfo.encode()) in (pq.Ping.OK, pq.Ping.REJECT)


class Touched:
    """Whether a liveness file was touched since the last call. Times are compared for equality: clocks jump."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.reset()

    def __call__(self) -> bool:
        before = self._seen
        self.reset()
        return self._seen != before

    def reset(self) -> None:
        """Ignore what happened until now."""
        try:
            self._seen = self._file.stat().st_mtime_ns
        except OSError:
            self._seen = 0


def worker_probes(folder: Path, redis_url: str) -> tuple[LivenessProbe, LivenessProbe]:
    """Its loop runs, and it takes tasks. Neither can be expected while the broker or beat does not work."""
    loop, tasks, beat = (Touched(folder / name) for name in (liveness.WORKER, liveness.TASKS, liveness.BEAT))

    def takes_tasks() -> bool:
        was_sent, was_taken = beat(), tasks()
        return was_taken or not was_sent or not valkey_answers(redis_url)

    return (
        LivenessProbe(lambda: loop() or not valkey_answers(redis_url)),
        # Longer than the hard limit of two tasks that hang in both children.
        LivenessProbe(takes_tasks, every=10, failures=30),
    )
