"""A storm over a whole installation at work: `python -m tests.faults`, `make faults`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for _folder in (str(ROOT / "platform"), str(ROOT)):
    if _folder not in sys.path:
        sys.path.insert(0, _folder)
