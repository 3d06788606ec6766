"""Keyset pages: the cost of a page does not depend on its distance from the first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import models

from common.errors import InvalidRequest
from common.ids import PrefixedIdField, is_id

DEFAULT_LIMIT = 20
MAXIMUM_LIMIT = 100
LIST_BYTES = 4 * 1024**2
"""The longest answer of a list. The next page begins where it ends."""

ItemT = TypeVar("ItemT")
ModelT = TypeVar("ModelT", bound=models.Model)


@dataclass(frozen=True)
class KeysetPage(Generic[ModelT]):
    items: list[ModelT]
    has_more: bool


def keyset_page(
    rows: models.QuerySet[ModelT],
    *,
    after: str | None,
    limit: int = DEFAULT_LIMIT,
    order: str = "desc",
    key: str = "pk",
) -> KeysetPage[ModelT]:
    """The rows that follow `after` by `key`, which is unique (newest first unless `order` is `asc`).

    `after` must have the form of an id of these rows; its row need not exist.
    """
    if not 1 <= limit <= MAXIMUM_LIMIT:
        raise InvalidRequest("invalid_limit", f"limit must be from 1 to {MAXIMUM_LIMIT}.", param="limit")
    if order not in ("asc", "desc"):
        raise InvalidRequest("invalid_order", "order must be asc or desc.", param="order")
    if after is not None:
        field: Any = rows.model._meta.pk if key == "pk" else rows.model._meta.get_field(key)
        target = getattr(field, "target_field", field)
        if isinstance(target, PrefixedIdField) and not is_id(after, target.prefix):
            raise InvalidRequest(
                "invalid_after", "after must be the id of an item of this list.", param="after"
            )
        rows = rows.filter(**{f"{key}__gt" if order == "asc" else f"{key}__lt": after})
    found = list(rows.order_by(key if order == "asc" else f"-{key}")[: limit + 1])
    return KeysetPage(found[:limit], len(found) > limit)


def list_body(page: KeysetPage[ModelT], render: Callable[[ModelT], dict[str, Any]]) -> dict[str, Any]:
    """OpenAI's list envelope."""
    return envelope(map(render, page.items), has_more=page.has_more)


def envelope(items: Iterable[dict[str, Any]], *, has_more: bool, key: str = "id") -> dict[str, Any]:
    """OpenAI's list envelope, of at most `LIST_BYTES` but of one item at least; `key` is what `after` names.

    The items that do not fit are those of the next page.
    """
    data, is_cut = bounded(items, _bytes_of)
    return {
        "object": "list",
        "data": data,
        "first_id": data[0][key] if data else None,
        "last_id": data[-1][key] if data else None,
        "has_more": has_more or is_cut,
    }


def bounded(
    items: Iterable[ItemT], size: Callable[[ItemT], int], *, limit: int | None = None
) -> tuple[list[ItemT], bool]:
    """The first items, and whether more follow: up to `limit`, of at most `LIST_BYTES` but of one item at least."""
    found: list[ItemT] = []
    room = LIST_BYTES
    for item in items:
        room -= size(item)
        if len(found) == limit or (found and room < 0):
            return found, True
        found.append(item)
    return found, False


def _bytes_of(item: dict[str, Any]) -> int:
    return len(json.dumps(item, ensure_ascii=False, default=str).encode())
