"""The training engine: `python -m workers.train config.json`, or the same under torchrun."""

from __future__ import annotations

from workers.runtime import run_engine
from workers.specs.train import TrainSpec


def main() -> None:
    from workers.training.engine import train

    run_engine("train", TrainSpec, train)


if __name__ == "__main__":
    main()
