"""The evaluation engine: `python -m workers.evaluate config.json`."""

from __future__ import annotations

from workers.runtime import run_engine
from workers.specs.evaluate import EvaluateSpec


def main() -> None:
    from workers.evaluation.engine import evaluate

    run_engine("evaluate", EvaluateSpec, evaluate)


if __name__ == "__main__":
    main()
