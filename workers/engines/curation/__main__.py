"""Curate a data set version: `python -m workers.engines.curation config.json` (a RunConfig of a CurationSpec)."""

from __future__ import annotations

from workers.contract.specs.curation import CurationSpec
from workers.engines.curation.engine import curate
from workers.engines.shared.runtime import run_engine


def main() -> None:
    run_engine("curation", CurationSpec, curate)


if __name__ == "__main__":
    main()
