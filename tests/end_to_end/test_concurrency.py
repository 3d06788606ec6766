"""A short form of `tests/benchmarks/concurrency`: its checks, not its times, for twelve clients."""

from __future__ import annotations

import pytest

from tests.benchmarks.concurrency.fixture_data import prepare
from tests.benchmarks.concurrency.run import pool_size, run
from tests.end_to_end.conftest import seed
from tests.installation import IsolatedInstallation
from tests.load.checks import exit_code, render_checks
from tests.load.counters import Outcome

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(300)]

CLIENTS, SECONDS = 12, 8


def test_answers_twelve_clients_at_once_correctly(kosha: IsolatedInstallation) -> None:
    data = prepare(kosha, CLIENTS, slug="at-once")
    result = run(kosha, data, seconds=SECONDS, seed=seed())
    for file in result.acknowledged.uploads:
        # The next test would wait until all of them are read.
        data.owner.api.delete(f"/files/{file}").check()
    assert exit_code(result.checks) == 0, render_checks(result.checks)
    assert result.resources.unbounded_connections(pool_size()) == []
    # The clients did what the checks are about; else they would prove nothing.
    counters = result.counters
    assert counters.total(Outcome.ANSWERED) > CLIENTS
    for route in ("POST /files", "POST /fine_tuning/jobs", "POST /releases/{id}/publish"):
        assert counters.routes[route].outcomes[Outcome.ANSWERED], route
    chats = [route for name, route in counters.routes.items() if name.startswith("POST /chat/completions")]
    assert sum(chat.outcomes[Outcome.ANSWERED] + chat.outcomes[Outcome.CANCELLED] for chat in chats) > 0
