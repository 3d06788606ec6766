"""What the API's request and answer bodies have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from common.errors import InvalidRequest
from common.pagination import DEFAULT_LIMIT, MAXIMUM_LIMIT


class Body(Schema):
    """A request body: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Query(Schema):
    """Parameters of an address; unknown ones are refused, so that a misspelt one is noticed."""

    @model_validator(mode="after")
    def _only_known(self, info: ValidationInfo) -> Self:
        request: HttpRequest | None = (info.context or {}).get("request")
        for name in request.GET if request else ():
            if name not in type(self).model_fields:
                raise InvalidRequest(
                    "unknown_parameter", f"{name} is not known here. Leave it out.", param=name
                )
        return self


class PageQuery(Query):
    """The keyset page every list takes."""

    after: str | None = None
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAXIMUM_LIMIT)
    order: str = Field(default="desc", pattern="^(asc|desc)$")


def unix(moment: datetime | None) -> int | None:
    """Unix seconds, the form of every time in the API."""
    return None if moment is None else int(moment.timestamp())


def refuse_unsupported(given: dict[str, Any], *, at: str = "") -> None:
    """Refuse fields of OpenAI's API that are not supported and would change the meaning of the request.

    `given` maps field names to their values; None means that a field was absent or null.
    """
    for name, value in given.items():
        if value is not None:
            raise InvalidRequest(
                "unsupported_parameter",
                f"{at}{name} is not supported here. Leave it out.",
                param=f"{at}{name}",
            )


def invalid_field(error: ValidationError, given: Any, *, at: str = "") -> InvalidRequest:
    """The first error of a pydantic model as an answer that names the field."""
    first = error.errors(include_url=False, include_context=False)[0]
    return field_error(first, f"{at}{field_place(first['loc'], given)}".rstrip("."))


def field_error(problem: Mapping[str, Any], param: str) -> InvalidRequest:
    """An error of pydantic as an answer of the API."""
    code = {"extra_forbidden": "unknown_parameter", "missing": "missing_parameter"}.get(
        problem["type"], "invalid_value"
    )
    message = f"{param}: {problem['msg']}." if param else f"{problem['msg']}."
    return InvalidRequest(code, message, param=param or None)


def field_place(location: Sequence[str | int], given: Any) -> str:
    """A pydantic location as the caller wrote it: `steps.0.threshold`.

    Pydantic adds the names of the union members that it tried. Only the parts that exist in `given` remain, and
    the last one if it is missing there.
    """
    place: list[str] = []
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if isinstance(given, Mapping) and (part in given or (last and isinstance(part, str))):
            given = given.get(part)
        elif isinstance(given, Sequence) and isinstance(part, int) and part < len(given):
            given = given[part]
        else:
            continue
        place.append(str(part))
    return ".".join(place)


def validate(model: type[BaseModel], value: Any, *, at: str = "") -> Any:
    """`model` from plain JSON, or InvalidRequest naming `at` + the field that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid_field(error, value, at=at) from error


def idempotency_key(request: HttpRequest) -> str | None:
    """The header that makes a POST safe to repeat."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidRequest(
            "invalid_value",
            _("An Idempotency-Key has 1 to 255 printable ASCII characters."),
            param="Idempotency-Key",
        )
    return key
