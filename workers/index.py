"""Build a retrieval index. Run: `python -m workers.index config.json`."""

from __future__ import annotations

from workers.rag.build import build_index
from workers.runtime import run_engine
from workers.specs.index import IndexSpec


def main() -> None:
    run_engine("index", IndexSpec, build_index)


if __name__ == "__main__":
    main()
