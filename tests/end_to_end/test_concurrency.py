"""A short form of `tests/benchmarks/concurrency.py`: its invariants, not its times, for twenty clients."""

from __future__ import annotations

import pytest

from tests.benchmarks import concurrency
from tests.benchmarks.load.ground import prepare
from tests.benchmarks.load.tally import ANSWERED, CANCELLED
from tests.end_to_end.conftest import seed
from tests.stack.installation import Installation

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(300)]

CLIENTS, SECONDS = 20, 15


def test_twenty_clients_at_once_are_told_the_truth(kosha: Installation):
    ground = prepare(kosha, CLIENTS, slug="at-once")
    outcome = concurrency.run(kosha, ground, seconds=SECONDS, seed=seed())
    assert outcome.findings.hold, outcome.findings.text()
    assert outcome.watch.unbounded_connections(concurrency.pool_size()) == []
    # The clients did what the promises are about; else they would hold of nothing.
    done = outcome.tally
    assert done.total(ANSWERED) > CLIENTS
    for route in ("POST /files", "POST /fine_tuning/jobs", "POST /releases/{id}/publish"):
        assert done.routes[route].outcomes[ANSWERED], route
    chats = [route for name, route in done.routes.items() if name.startswith("POST /chat/completions")]
    assert sum(chat.outcomes[ANSWERED] + chat.outcomes[CANCELLED] for chat in chats) > 0
