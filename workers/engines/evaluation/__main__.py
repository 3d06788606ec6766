"""The evaluation engine: `python -m workers.engines.evaluation config.json`."""

from __future__ import annotations

from workers.contract.specs.evaluation import EvaluationSpec
from workers.engines.shared.runtime import run_engine


def main() -> None:
    from workers.engines.evaluation.engine import evaluate

    run_engine("evaluation", EvaluationSpec, evaluate)


if __name__ == "__main__":
    main()
