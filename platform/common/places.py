"""Paths below `KOSHA_VAR` are stored in the database relative to it, so that an installation can be moved.

In Python they are absolute paths; the stored form begins with `$KOSHA_VAR/`. Any other string that begins in this
way (a file may have any name) is stored with one more `$`, so that every string is read as it was written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import models

from common.digests import value_digest
from workers.contract.spec import Spec

MARK = "$KOSHA_VAR/"


def portable(value: Any) -> Any:
    """`value` with every path below `KOSHA_VAR` in its stored form, also inside lists and objects."""
    if not isinstance(value, str):
        return _converted(value, portable)
    root = f"{settings.KOSHA_VAR}/"
    if value.startswith(root):
        return MARK + value.removeprefix(root)
    return f"${value}" if _is_marked(value) else value


def local(value: Any) -> Any:
    """The inverse of `portable`, with the present `KOSHA_VAR`."""
    if not isinstance(value, str):
        return _converted(value, local)
    if value.startswith(MARK):
        return f"{settings.KOSHA_VAR}/{value.removeprefix(MARK)}"
    return value[1:] if _is_marked(value) else value


def spec_digest(spec: Spec) -> str:
    """The digest of a spec. It does not depend on the place of the installation, so that a request which is
    repeated after a move is recognized."""
    return value_digest(portable(spec.model_dump(mode="json")))


def _converted(value: Any, convert: Callable[[Any], Any]) -> Any:
    """`value` with its items converted."""
    if isinstance(value, dict):
        return {key: convert(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [convert(item) for item in value]
    return value


def _is_marked(text: str) -> bool:
    """Whether `text` begins with the mark or with an escaped mark, which has more than one `$`."""
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
