"""What the demo shows in the terminal: a headline for each step, and a line that moves."""

from __future__ import annotations

import sys
import time
from typing import Any

BAR = 24


class Screen:
    """On a terminal the progress line is rewritten; into a file a line is written every ten seconds."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._last = 0.0
        self._open = False

    def step(self, number: int, sentence: str) -> None:
        self.say(f"\n[{number}/8] {sentence}")

    def say(self, sentence: str) -> None:
        if self._open:
            sys.stdout.write("\n")
            self._open = False
        print(sentence, flush=True)

    def write(self, text: str) -> None:
        """Part of a line, at once: an answer as it streams."""
        sys.stdout.write(text)
        sys.stdout.flush()
        self._open = not text.endswith("\n")

    def moving(self, sentence: str) -> None:
        if self._live:
            sys.stdout.write(f"\r\033[2K      {sentence}")
            sys.stdout.flush()
            self._open = True
        elif time.monotonic() - self._last > 10:
            self._last = time.monotonic()
            print(f"      {sentence}", flush=True)

    def job(self, job: dict[str, Any], detail: str = "") -> None:
        """The bar, the count and the time left of a job."""
        progress = job["progress"]
        if not progress or not progress["total"]:
            self.moving(f"{job['kind']}: {job['status']}")
            return
        share = min(1.0, progress["done"] / progress["total"])
        bar = "█" * round(share * BAR) + "░" * (BAR - round(share * BAR))
        left = progress["seconds_left"]
        ends = f", {left:.0f} s left" if left is not None else ""
        self.moving(
            f"{job['kind']} {bar} {progress['done']:.0f}/{progress['total']:.0f} {progress['unit']}{ends}{detail}"
        )
