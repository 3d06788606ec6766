"""Imported first by every process: the interpreter looks for garbage seventy times less often.

What torch and Django are made of is imported once and stays; walking through it again and again took up
to a seventh of a start (docs/benchmarks.md). Reference counts free nearly everything; cycles wait a little longer.
"""

from __future__ import annotations

import gc

gc.set_threshold(50_000, 20, 100)
