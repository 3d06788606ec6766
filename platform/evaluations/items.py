"""The items behind an evaluation's figures, one screen at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.functional import Promise

from evaluations.models import Evaluation
from evaluations.selectors import items_path
from evaluations.words import CANDIDATES
from workers.contract.specs.tasks.bits_per_character import TextItem
from workers.contract.specs.tasks.declaration import Item, item_from_json
from workers.contract.specs.tasks.question_answering import QuestionItem

KINDS = ("open", "closed", "text")
SHOWN = 20


@dataclass(frozen=True)
class ShownItem:
    item: Item
    results: list[tuple[str | Promise, Any]]
    """(label, result) of each candidate, the baseline first."""


@dataclass(frozen=True)
class ItemsScreen:
    items: list[ShownItem]
    next_start: int | None
    """Where the next screen begins, counted among those of the kind."""


def items(evaluation: Evaluation, *, kind: str, only_changed: bool, start: int) -> ItemsScreen:
    """Questions of one kind, or texts. `only_changed`: questions that some candidates answered right and others wrong."""
    matching = (item for item in _read(evaluation) if _matches(item, kind, only_changed))
    found = list(islice(matching, start, start + SHOWN + 1))
    shown = [
        ShownItem(item, [(CANDIDATES.get(name, name), result) for name, result in item.results.items()])
        for item in found[:SHOWN]
    ]
    return ItemsScreen(shown, start + SHOWN if len(found) > SHOWN else None)


def _read(evaluation: Evaluation) -> Iterator[Item]:
    path = items_path(evaluation)
    if not path.exists():
        return
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield item_from_json(line)


def _matches(item: Item, kind: str, only_changed: bool) -> bool:
    if isinstance(item, TextItem):
        return kind == "text" and not only_changed
    if not isinstance(item, QuestionItem) or item.book != kind:
        return False
    verdicts = {answer.right for answer in item.results.values()}
    return len(verdicts) > 1 or not only_changed
