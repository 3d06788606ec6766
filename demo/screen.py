"""What the demo prints: sentences, and one progress line that is rewritten in place."""

from __future__ import annotations

import sys
import time
from typing import Any

BAR = 24
SECONDS_BETWEEN_LINES = 10.0


class Screen:
    """In a terminal the progress line is rewritten; in a file a changed line is added, at most one in ten seconds."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._printed_at = -SECONDS_BETWEEN_LINES
        self._printed = ""
        self._open = False

    def say(self, sentence: str) -> None:
        if self._open:
            sys.stdout.write("\n")
            self._open = False
        print(sentence, flush=True)
        self._printed = ""

    def write(self, text: str) -> None:
        """Print part of a line, for an answer that streams."""
        sys.stdout.write(text)
        sys.stdout.flush()
        self._open = not text.endswith("\n")

    def progress(self, sentence: str, estimate: str = "") -> None:
        """`estimate` is shown behind the sentence; that it alone differs is no change."""
        if self._live:
            sys.stdout.write(f"\r\033[2K      {sentence}{estimate}")
            sys.stdout.flush()
            self._open = True
        elif sentence != self._printed and time.monotonic() - self._printed_at >= SECONDS_BETWEEN_LINES:
            self._printed, self._printed_at = sentence, time.monotonic()
            print(f"      {sentence}{estimate}", flush=True)

    def job(self, job: dict[str, Any], detail: str = "") -> None:
        """Show a job as a bar with its count and the time left."""
        progress = job["progress"]
        if not progress or not progress["total"]:
            self.progress(f"{job['kind']}: {job['status']}")
            return
        share = min(1.0, progress["done"] / progress["total"])
        bar = "█" * round(share * BAR) + "░" * (BAR - round(share * BAR))
        left = progress["seconds_left"]
        self.progress(
            f"{job['kind']} {bar} {progress['done']:.0f}/{progress['total']:.0f} {progress['unit']}{detail}",
            f", {left:.0f} s left" if left is not None else "",
        )
