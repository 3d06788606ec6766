"""Build a retrieval index. Run: `python -m workers.engines.retrieval config.json`."""

from __future__ import annotations

from workers.contract.specs.retrieval import RetrievalSpec
from workers.engines.retrieval.engine import build_index
from workers.engines.shared.runtime import run_engine


def main() -> None:
    run_engine("retrieval", RetrievalSpec, build_index)


if __name__ == "__main__":
    main()
