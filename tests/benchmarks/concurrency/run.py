"""One run: the clients work, the processes are sampled, everything acknowledged is checked."""

from __future__ import annotations

from dataclasses import dataclass

from config.env import Environment
from demo.installation import Installation
from tests.benchmarks.concurrency.checks import check_all
from tests.benchmarks.concurrency.clients import Acknowledged, run_clients
from tests.benchmarks.concurrency.fixture_data import FixtureData
from tests.benchmarks.concurrency.resources import Resources, sampled
from tests.load.checks import CheckResult
from tests.load.counters import Counters, Outcome


@dataclass(frozen=True)
class LoadResult:
    counters: Counters
    acknowledged: Acknowledged
    resources: Resources
    checks: list[CheckResult]


def run(kosha: Installation, data: FixtureData, *, seconds: float, seed: int) -> LoadResult:
    before = pids(kosha)
    with sampled(kosha) as resources:
        counters, acknowledged, crashes = run_clients(kosha, data, seconds, seed)
    restarted = [name for name, pid in pids(kosha).items() if pid != before[name]]
    failures = [f"{number} x {what}" for what, number in counters.details[Outcome.FAILED].most_common()]
    violations = {
        "no failure but a deliberate refusal": failures,
        "no client crashed": crashes,
        "no process restarted": restarted,
        **check_all(kosha, data, acknowledged),
    }
    checks = [CheckResult(name, tuple(found)) for name, found in violations.items()]
    return LoadResult(counters, acknowledged, resources, checks)


def pids(kosha: Installation) -> dict[str, int | None]:
    return {name: facts["pid"] for name, facts in kosha.state["services"].items()}


def pool_size() -> int:
    return int(Environment.model_fields["database_pool_size"].default)
