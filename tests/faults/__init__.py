"""Faults of every kind in a working installation: `python -m tests.faults`, `make faults`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "platform"))
