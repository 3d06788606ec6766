"""Stop every engine on this machine: `python -m workers.orchestration.launchers.local.stop_runs --runs DIR --seconds 6`."""

from __future__ import annotations

import argparse
from pathlib import Path

from workers.orchestration.launchers.local.launcher import stop_all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="where the run folders lie")
    parser.add_argument("--seconds", type=float, required=True, help="for the engines' last checkpoints")
    options = parser.parse_args()
    stop_all(options.runs, options.seconds)


if __name__ == "__main__":
    main()
