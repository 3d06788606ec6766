"""A short form of `tests/benchmarks/concurrency.py`: its invariants, not its times, for twelve clients."""

from __future__ import annotations

from collections.abc import Iterable

import httpx
import pytest

from tests.benchmarks import concurrency
from tests.benchmarks.load.ground import Ground, prepare
from tests.benchmarks.load.tally import ANSWERED, CANCELLED
from tests.end_to_end.conftest import seed
from tests.stack.installation import Installation

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(300)]

CLIENTS, SECONDS = 12, 8


def give_up_reading(ground: Ground, files: Iterable[str]) -> None:
    """Deleting what was uploaded ends what still waits to be read, which the next test would wait for."""
    headers = {"Authorization": f"Bearer {ground.owner_key}"}
    with httpx.Client(base_url=f"{ground.base_url}/v1", headers=headers, timeout=60, trust_env=False) as api:
        for file in files:
            assert api.delete(f"/files/{file}").status_code == 200


def test_twelve_clients_at_once_are_told_the_truth(kosha: Installation) -> None:
    ground = prepare(kosha, CLIENTS, slug="at-once")
    outcome = concurrency.run(kosha, ground, seconds=SECONDS, seed=seed())
    give_up_reading(ground, outcome.ledger.uploads)
    assert outcome.findings.hold, outcome.findings.text()
    assert outcome.watch.unbounded_connections(concurrency.pool_size()) == []
    # The clients did what the promises are about; else they would hold of nothing.
    done = outcome.tally
    assert done.total(ANSWERED) > CLIENTS
    for route in ("POST /files", "POST /fine_tuning/jobs", "POST /releases/{id}/publish"):
        assert done.routes[route].outcomes[ANSWERED], route
    chats = [route for name, route in done.routes.items() if name.startswith("POST /chat/completions")]
    assert sum(chat.outcomes[ANSWERED] + chat.outcomes[CANCELLED] for chat in chats) > 0
