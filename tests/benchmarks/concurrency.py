"""200 clients for two minutes against one real installation, and what is true of it afterwards.

Run: `python -m tests.benchmarks.concurrency [--clients 200 --seconds 120 --seed 1]`

It starts an installation of its own (`manage.py up` in a temporary folder, SmolLM2 as the model), so
the load meets nothing but that, on loopback, and ends with the time given. Uploads, searches, chats of
which a fifth are left before their end, jobs under repeated idempotency keys, publications and
rollbacks. Exits with 1 where a promise of `docs/decisions/concurrency.md` does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "platform"))

from config.env import Environment
from tests.benchmarks.load.checks import Findings, check_all
from tests.benchmarks.load.clients import Ledger
from tests.benchmarks.load.crowd import run_clients
from tests.benchmarks.load.ground import CAUSAL, EMBEDDING, Ground, prepare
from tests.benchmarks.load.tally import FAILED, Tally
from tests.benchmarks.load.watch import Watch, watching
from tests.benchmarks.retrieval_jsquad import ROOT, machine
from tests.end_to_end.conftest import register
from tests.stack.installation import Installation

MOST_CLIENTS, MOST_SECONDS = 500, 600


@dataclass(frozen=True)
class Outcome:
    tally: Tally
    ledger: Ledger
    watch: Watch
    findings: Findings


def run(kosha: Installation, ground: Ground, *, seconds: float, seed: int) -> Outcome:
    before = pids(kosha)
    with watching(kosha) as watch:
        tally, ledger = asyncio.run(run_clients(ground, seconds, seed))
    started_anew = [name for name, pid in pids(kosha).items() if pid != before[name]]
    failures = [f"{number} x {why}" for why, number in tally.failures.most_common()]
    promises = {
        "no failure but a deliberate refusal": failures,
        "every process lived through it": started_anew,
        **check_all(kosha, ground, ledger),
    }
    return Outcome(tally, ledger, watch, Findings(promises))


def pids(kosha: Installation) -> dict[str, int | None]:
    return {name: facts["pid"] for name, facts in kosha.state["services"].items()}


def pool_size() -> int:
    return int(Environment.model_fields["database_pool_size"].default)


@contextmanager
def installation(models: Path) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="kosha-load-", ignore_cleanup_errors=True) as name:
        # PostgreSQL's unprivileged account must get at its folder inside.
        Path(name).chmod(0o755)
        kosha = Installation(ROOT, Path(name) / "var", KOSHA_MODEL_ROOTS=str(models))
        try:
            kosha.up()
            register(kosha, models / CAUSAL, models / EMBEDDING)
            yield kosha
            kosha.stop()
        finally:
            kosha.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not (1 <= options.clients <= MOST_CLIENTS and 1 <= options.seconds <= MOST_SECONDS):
        parser.error(f"at most {MOST_CLIENTS} clients and {MOST_SECONDS} seconds")
    models = ROOT / "var" / "models"
    for name in (CAUSAL, EMBEDDING):
        if not (models / name).is_dir():
            print(f"skipped: {models / name} is absent (`make models`)")
            return 0
    with installation(models) as kosha:
        ground = prepare(kosha, options.clients)
        outcome = run(kosha, ground, seconds=options.seconds, seed=options.seed)
    memory = outcome.watch.faults(pool_size())
    findings = Findings({**outcome.findings.promises, "memory, files and connections bounded": memory})
    print(report(outcome, findings, options))
    return 0 if findings.hold else 1


def report(outcome: Outcome, findings: Findings, options: argparse.Namespace) -> str:
    tally, connections = outcome.tally, outcome.watch.most_connections()
    answered = tally.total("answered")
    refusals = ", ".join(f"{number} x {why}" for why, number in tally.refusals.most_common()) or "none"
    held = ", ".join(f"{name or 'unnamed'} {number}" for name, number in sorted(connections.items()))
    return "\n\n".join(
        (
            f"Machine: {machine()}, which the clients share with the server. {options.clients} clients for "
            f"{options.seconds:g} s, seed {options.seed}: {answered} answers, {answered / options.seconds:.0f} a "
            f"second; {tally.total(FAILED)} failed.",
            tally.table(),
            f"Refused: {refusals}.",
            outcome.watch.table(),
            f"Most connections to PostgreSQL at once: {held}.",
            findings.text(),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
