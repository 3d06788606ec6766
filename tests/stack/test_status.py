from __future__ import annotations

import time

from stack.management.commands.status import _line


def test_failing_service_shows_reason_and_next_start():
    facts = {
        "state": "failing",
        "pid": None,
        "restarts": 9,
        "last_exit": 3,
        "reason": "ended with 3",
        "next_start": time.time() + 100,
        "since": time.time(),
        "log": "/var/logs/web.log",
    }
    line = _line("web", facts)
    assert line.startswith("  web            failing       -        restarts 9  ended with 3; next start in ")
    assert line.endswith(" s; its log: /var/logs/web.log")
    assert _line("web", {**facts, "state": "running", "pid": 7}).endswith("running       7        restarts 9")
