"""The export engine: `python -m workers.export config.json`."""

from __future__ import annotations

from workers.runtime import run_engine
from workers.specs.export import ExportSpec


def main() -> None:
    from workers.exporting.engine import export

    run_engine("export", ExportSpec, export)


if __name__ == "__main__":
    main()
