"""Several trainings in turn as one rank of many; the last rank gets a stop request at its n-th check.

    python -m workers.engines.shared.torchrun … -m tests.engines.training.stopped_ranks 99 whole.json 13 first.json 99 second.json

Each training runs in a fork of this process, which has imported all libraries once: importing them takes longer
than the trainings.
"""

from __future__ import annotations

import os
import sys

from workers.contract.specs.run import RunConfig
from workers.contract.specs.training import TrainingResult, TrainingSpec
from workers.engines.shared.runtime import Run, run_engine

RANK, WORLD = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


class StopAtCheck(Run):
    """A run whose stop is requested at its n-th check."""

    def __init__(self, config: RunConfig, *, rank: int, check: int) -> None:
        super().__init__(config, rank=rank)
        self._checks_left = check

    @property
    def stop_requested(self) -> bool:
        self._checks_left -= 1
        return self._checks_left <= 0


def import_all() -> None:
    os.environ["DS_ACCELERATOR"] = "cpu"
    import deepspeed  # noqa: F401
    import peft  # noqa: F401

    from workers.engines.training import deepspeed_backend, engine, processes  # noqa: F401

    processes.STOP_CHECK_SECONDS = 0  # at every layer, however fast the machine


def train_in_fork(number: int, check: int, config: str) -> None:
    """Returns when the fork has ended; its outcome is in its `result.json`."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    # All trainings share one rendezvous store; this gives each its own keys in it.
    os.environ["TORCHELASTIC_RESTART_COUNT"] = str(number)
    sys.argv[1:] = [config]

    def work(run: Run, spec: TrainingSpec) -> TrainingResult:
        from workers.engines.training.engine import train

        stopped = StopAtCheck(run.config, rank=RANK, check=check) if RANK == WORLD - 1 else run
        return train(stopped, spec, metrics_seconds=0)

    run_engine("training", TrainingSpec, work)


def main() -> None:
    import_all()
    checks, configs = sys.argv[1::2], sys.argv[2::2]
    for number, (check, config) in enumerate(zip(checks, configs, strict=True)):
        train_in_fork(number, int(check), config)


if __name__ == "__main__":
    main()
