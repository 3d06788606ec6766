"""The export engine: `python -m workers.engines.export config.json`."""

from __future__ import annotations

from workers.contract.specs.export import ExportSpec
from workers.engines.shared.runtime import run_engine


def main() -> None:
    from workers.engines.export.engine import export

    run_engine("export", ExportSpec, export)


if __name__ == "__main__":
    main()
