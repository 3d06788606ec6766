"""Ingest one document revision: `python -m workers.engines.ingest config.json` (a RunConfig of an IngestSpec)."""

from __future__ import annotations

from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.engine import ingest
from workers.engines.shared.runtime import run_engine


def main() -> None:
    run_engine("ingest", IngestSpec, ingest)


if __name__ == "__main__":
    main()
