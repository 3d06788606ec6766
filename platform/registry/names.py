"""Which names a base model may not have, because callers already ask for something else by them.

The apps above register a function when Django starts, because this app knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable

registered: list[Callable[[str], bool]] = []


def on_name_check(is_taken: Callable[[str], bool]) -> None:
    if is_taken not in registered:
        registered.append(is_taken)


def is_taken(name: str) -> bool:
    return any(each(name) for each in registered)
