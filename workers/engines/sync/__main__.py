"""Compare a source with what was taken from it: `python -m workers.engines.sync config.json` (a RunConfig of a SyncSpec)."""

from __future__ import annotations

from workers.contract.specs.sync import SyncSpec
from workers.engines.shared.runtime import run_engine
from workers.engines.sync.engine import sync


def main() -> None:
    run_engine("sync", SyncSpec, sync)


if __name__ == "__main__":
    main()
