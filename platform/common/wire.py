"""What the API's request and answer bodies have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import InvalidRequest
from common.pagination import DEFAULT_LIMIT, MAXIMUM_LIMIT


class Body(Schema):
    """A request body: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class PageQuery(Schema):
    """The keyset page every list takes."""

    after: str | None = None
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAXIMUM_LIMIT)
    order: str = Field(default="desc", pattern="^(asc|desc)$")


def unix(moment: datetime | None) -> int | None:
    """Unix seconds, as every time on the wire."""
    return None if moment is None else int(moment.timestamp())


def refuse_unsupported(given: dict[str, Any], *, at: str = "") -> None:
    """Refuse fields that exist in OpenAI's API and would change the meaning, were they obeyed.

    `given` maps field names to what was sent; None means it was not sent (or sent as null).
    """
    for name, value in given.items():
        if value is not None:
            raise InvalidRequest(
                "unsupported_parameter",
                f"{at}{name} is not supported here. Leave it out.",
                param=f"{at}{name}",
            )


def invalid_field(error: ValidationError, *, at: str = "") -> InvalidRequest:
    """The first problem of a pydantic model as an answer that names the field."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    code = "unknown_parameter" if first["type"] == "extra_forbidden" else "invalid_value"
    param = f"{at}{name}"
    return InvalidRequest(code, f"{param}: {first['msg']}.", param=param)


def validate(model: type[BaseModel], value: Any, *, at: str = "") -> Any:
    """`model` from plain JSON, or InvalidRequest naming `at` + the field that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid_field(error, at=at) from error
