"""Messages that arrive twice or are lost, and a second beat scheduler."""

from __future__ import annotations

import ast
import contextlib
import random
import re
import sys
import threading

import redis

from stack.processes import kill_groups
from tests.faults.kinds.base import FaultContext, Injected, Skipped
from tests.faults.kinds.clocks import start_additional

HOLD = 25.0
QUEUE = b"celery"
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"')


class FlushValkey:
    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        try:
            with redis.Redis.from_url(context.installation.state["redis_url"], socket_timeout=3) as client:
                client.flushall()
        except redis.RedisError as error:
            raise Skipped(f"Valkey was down: {type(error).__name__}") from error
        return Injected("FLUSHALL")


class StartSecondBeatScheduler:
    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        command = [sys.executable, "-m", "celery", "-A", "workers.orchestration.app", "beat", "--pidfile="]
        process = start_additional(context, command, {})
        return Injected(f"a second beat scheduler for {HOLD:g} s", HOLD, lambda: kill_groups([process]))


class DuplicateMessages:
    """Every message that is pushed to the queue is pushed once more."""

    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        duplicator = Duplicator(context.installation.state["redis_url"])
        duplicator.start()
        return Injected(f"every message twice for {HOLD:g} s", HOLD, duplicator.end)


class Duplicator(threading.Thread):
    def __init__(self, url: str) -> None:
        super().__init__(name="duplicator", daemon=True)
        self._url = url
        self._end = threading.Event()
        self.listening = threading.Event()
        self.duplicated = 0

    def end(self) -> None:
        self._end.set()
        self.join(10)

    def run(self) -> None:
        while not self._end.is_set():
            with contextlib.suppress(redis.RedisError, OSError):
                self._listen()

    def _listen(self) -> None:
        with redis.Redis.from_url(self._url, socket_timeout=3) as client, client.monitor() as monitor:
            own = client.client_info()["addr"]
            self.listening.set()
            while not self._end.is_set():
                line = monitor.connection.read_response()
                message = pushed(line.decode() if isinstance(line, bytes) else line, own)
                if message is not None:
                    client.lpush(QUEUE, message)
                    self.duplicated += 1


def pushed(line: str, own: str) -> bytes | None:
    """The message of a MONITOR line that pushes one, unless this client pushed it."""
    head, _, words = line.partition("] ")
    if head.rpartition(" ")[2] == own:
        return None
    parts = [ast.literal_eval("b" + word) for word in _WORD.findall(words)]
    if len(parts) == 3 and parts[0].upper() == b"LPUSH" and parts[1] == QUEUE:
        return bytes(parts[2])
    return None
