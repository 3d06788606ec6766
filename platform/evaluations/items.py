"""The items behind an evaluation's figures, one screen at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from evaluations.models import Evaluation
from evaluations.selectors import items_path
from workers.contract.specs.measurement import ITEM, AnswerItem, TextItem

KINDS = ("open", "closed", "text")
SHOWN = 20


@dataclass(frozen=True)
class Items:
    items: list[TextItem | AnswerItem]
    next_start: int | None
    """Where the next screen begins, counted among those of the kind."""


def items(evaluation: Evaluation, *, kind: str, only_changed: bool, start: int) -> Items:
    """Questions of one book, or texts; `only_changed` keeps those that one model alone got right."""
    wanted = (item for item in _read(evaluation) if _is(item, kind) and (not only_changed or _changed(item)))
    found = list(islice(wanted, start, start + SHOWN + 1))
    return Items(found[:SHOWN], start + SHOWN if len(found) > SHOWN else None)


def _read(evaluation: Evaluation) -> Iterator[TextItem | AnswerItem]:
    path = items_path(evaluation)
    if not path.exists():
        return
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield ITEM.validate_json(line)


def _is(item: TextItem | AnswerItem, kind: str) -> bool:
    return kind == "text" if isinstance(item, TextItem) else item.book == kind


def _changed(item: TextItem | AnswerItem) -> bool:
    return isinstance(item, AnswerItem) and item.tuned is not None and item.tuned.right != item.base.right
