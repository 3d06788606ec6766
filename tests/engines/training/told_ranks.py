"""Trainings one after the other as one rank of several, the last of which alone is told to stop, at its n-th look.

    python -m workers.engines.shared.torchrun … -m tests.engines.training.told_ranks 99 whole.json 13 first.json 99 second.json

Each is a fork of this process, which has imported everything: that takes longer than all of them.
"""

from __future__ import annotations

import os
import sys

from workers.contract.specs.run import RunConfig
from workers.contract.specs.training import TrainingResult, TrainingSpec
from workers.engines.shared.runtime import Run, run_engine

RANK, WORLD = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


class ToldAtLook(Run):
    """A run whose stop is requested when it is looked for the n-th time."""

    def __init__(self, config: RunConfig, *, rank: int, look: int) -> None:
        super().__init__(config, rank=rank)
        self._looks_left = look

    @property
    def stop_requested(self) -> bool:
        self._looks_left -= 1
        return self._looks_left <= 0


def import_all() -> None:
    os.environ["DS_ACCELERATOR"] = "cpu"
    import deepspeed  # noqa: F401
    import peft  # noqa: F401

    from workers.engines.training import distributed, engine  # noqa: F401

    distributed.LOOK_SECONDS = 0  # at every place, however fast the machine


def train_once(number: int, look: int, config: str) -> None:
    """In a fork of its own; how it ended is in its `result.json`."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    # The store is the same for all; this gives each training its own keys in it.
    os.environ["TORCHELASTIC_RESTART_COUNT"] = str(number)
    sys.argv[1:] = [config]

    def work(run: Run, spec: TrainingSpec) -> TrainingResult:
        from workers.engines.training.engine import train

        told = ToldAtLook(run.config, rank=RANK, look=look) if RANK == WORLD - 1 else run
        return train(told, spec, metrics_seconds=0)

    run_engine("training", TrainingSpec, work)


def main() -> None:
    import_all()
    looks, configs = sys.argv[1::2], sys.argv[2::2]
    for number, (look, config) in enumerate(zip(looks, configs, strict=True)):
        train_once(number, int(look), config)


if __name__ == "__main__":
    main()
