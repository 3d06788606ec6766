"""Ingest one document revision: `python -m workers.ingest config.json` (a RunConfig of an IngestSpec)."""

from __future__ import annotations

from workers.processing.ingest import ingest
from workers.runtime import run_engine
from workers.specs.ingest import IngestSpec


def main() -> None:
    run_engine("ingest", IngestSpec, ingest)


if __name__ == "__main__":
    main()
