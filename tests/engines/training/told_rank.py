"""`workers.train` as one rank of several, the last of which alone is told to stop, at its n-th look.

    STOP_AT_LOOK=9 python -m workers.ranks … -m tests.engines.training.told_rank config.json
"""

from __future__ import annotations

import os

from workers.runtime import Run, run_engine
from workers.specs.run import RunConfig
from workers.specs.train import TrainResult, TrainSpec
from workers.training import distributed
from workers.training.engine import train

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


def train_told(run: Run, spec: TrainSpec) -> TrainResult:
    distributed.LOOK_SECONDS = 0  # at every place, however fast the machine
    told = ToldAtLook(run.config, rank=RANK, look=int(os.environ["STOP_AT_LOOK"])) if RANK == WORLD - 1 else run
    return train(told, spec, metrics_seconds=0)


if __name__ == "__main__":
    run_engine("train", TrainSpec, train_told)
