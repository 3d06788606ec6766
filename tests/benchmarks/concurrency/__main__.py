"""200 clients for two minutes against one real installation, and what is true of it afterwards.

Run: `python -m tests.benchmarks.concurrency [--clients 200 --seconds 120 --seed 1]`

It starts an installation of its own (`manage.py up` in a temporary folder, SmolLM2 as the model) and sends
everything to its loopback address: uploads, searches, chats of which a fifth are left before their end, jobs
under repeated idempotency keys, publications and rollbacks. Exits with 1 where a promise of
`docs/decisions/concurrency.md` does not hold.
"""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks.concurrency.fixture_data import prepare
from tests.benchmarks.concurrency.run import LoadResult, pool_size, run
from tests.benchmarks.machine import machine
from tests.installation import (
    CAUSAL,
    EMBEDDING,
    MODELS,
    missing_models,
    register_models,
    running_installation,
    temporary_folder,
)
from tests.load.checks import CheckResult, exit_code, render_checks
from tests.load.counters import Outcome

MOST_CLIENTS, MOST_SECONDS = 500, 600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not (1 <= options.clients <= MOST_CLIENTS and 1 <= options.seconds <= MOST_SECONDS):
        parser.error(f"at most {MOST_CLIENTS} clients and {MOST_SECONDS} seconds")
    if missing := missing_models(CAUSAL, EMBEDDING):
        print(f"skipped: {missing}")
        return 0
    with (
        temporary_folder("load") as folder,
        running_installation(folder / "var", KOSHA_MODEL_ROOTS=str(MODELS)) as kosha,
    ):
        register_models(kosha, MODELS / CAUSAL, MODELS / EMBEDDING)
        data = prepare(kosha, options.clients)
        result = run(kosha, data, seconds=options.seconds, seed=options.seed)
    within_limits = tuple(result.resources.violations(pool_size()))
    checks = [*result.checks, CheckResult("memory, files and connections bounded", within_limits)]
    print(report(result, checks, options))
    return exit_code(checks)


def report(result: LoadResult, checks: list[CheckResult], options: argparse.Namespace) -> str:
    counters, connections = result.counters, result.resources.most_connections()
    answered, refused = counters.total(Outcome.ANSWERED), counters.details[Outcome.REFUSED]
    refusals = ", ".join(f"{number} x {what}" for what, number in refused.most_common()) or "none"
    held = ", ".join(f"{name or 'unnamed'} {number}" for name, number in sorted(connections.items()))
    return "\n\n".join(
        (
            f"Machine: {machine()}, which the clients share with the server. {options.clients} clients for "
            f"{options.seconds:g} s, seed {options.seed}: {answered} answers, {answered / options.seconds:.0f} a "
            f"second; {counters.total(Outcome.FAILED)} failed.",
            counters.table(),
            f"Refused: {refusals}.",
            result.resources.table(),
            f"Most connections to PostgreSQL at once: {held}.",
            render_checks(checks),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
