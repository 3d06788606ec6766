"""Curate a data set version: `python -m workers.curate config.json` (a RunConfig of a CurateSpec)."""

from __future__ import annotations

from workers.processing.curate import curate
from workers.runtime import run_engine
from workers.specs.curate import CurateSpec


def main() -> None:
    run_engine("curate", CurateSpec, curate)


if __name__ == "__main__":
    main()
