"""Paths below `KOSHA_VAR` are kept in the database without it, so that an installation can move.

In Python they are ordinary absolute paths; only the stored form begins with `$KOSHA_VAR/`. A string that
begins so by itself (a file may have any name) is kept with one more `$`, so every string comes back as it was.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from common.digests import value_digest
from workers.contract.spec import Spec

MARK = "$KOSHA_VAR/"


def portable(value: Any) -> Any:
    """`value` with every path below `KOSHA_VAR` in its stored form; walks lists and objects."""
    return _walk(value, _portable)


def local(value: Any) -> Any:
    """The inverse of `portable`, for where this installation lies now."""
    return _walk(value, _local)


def spec_digest(spec: Spec) -> str:
    """Names what a spec asks for, wherever the installation lies: a request repeated after it has moved
    is still the same request."""
    return value_digest(portable(spec.model_dump(mode="json")))


def _walk(value: Any, convert: Any) -> Any:
    if isinstance(value, str):
        return convert(value)
    if isinstance(value, dict):
        return {key: _walk(item, convert) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(item, convert) for item in value]
    return value


def _portable(text: str) -> str:
    root = f"{settings.KOSHA_VAR}/"
    if text.startswith(root):
        return MARK + text.removeprefix(root)
    return f"${text}" if _is_marked(text) else text


def _local(text: str) -> str:
    if text.startswith(MARK):
        return f"{settings.KOSHA_VAR}/{text.removeprefix(MARK)}"
    return text[1:] if _is_marked(text) else text


def _is_marked(text: str) -> bool:
    """Whether it is the mark, or an escaped one: `$`, any number of times, then the mark's name."""
    return text.startswith("$") and text.lstrip("$").startswith(MARK[1:])


class PlacePathField(models.CharField):  # type: ignore[type-arg]
    """A path; to the database and to migrations an ordinary CharField."""

    def deconstruct(self) -> Any:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options

    def get_prep_value(self, value: Any) -> Any:
        return portable(super().get_prep_value(value))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return local(value)


class PlaceJSONField(models.JSONField):
    """JSON that may hold paths; to the database and to migrations an ordinary JSONField."""

    def deconstruct(self) -> Any:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.JSONField", args, options

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(portable(value), connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return local(super().from_db_value(value, expression, connection))
