"""Ingest document revisions: `python -m workers.engines.ingest config.json` (a RunConfig of an IngestBatchSpec)."""

from __future__ import annotations

from workers.contract.specs.ingest import IngestBatchSpec
from workers.engines.ingest.engine import ingest
from workers.engines.shared.runtime import run_engine


def main() -> None:
    run_engine("ingest", IngestBatchSpec, ingest)


if __name__ == "__main__":
    main()
