"""The training engine: `python -m workers.engines.training config.json`, or the same under torchrun."""

from __future__ import annotations

from workers.contract.specs.training import TrainingSpec
from workers.engines.shared.runtime import run_engine


def main() -> None:
    from workers.engines.training.engine import train

    run_engine("training", TrainingSpec, train)


if __name__ == "__main__":
    main()
