"""What the API's request and answer bodies have in common."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Schema
from ninja.schema import DjangoGetter
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from common.errors import InvalidRequest
from common.pagination import DEFAULT_LIMIT, MAXIMUM_LIMIT
from common.unsupported import UNSUPPORTED

Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]
"""The caller's own notes on an object: OpenAI's limits."""


def _short(value: Any) -> Any:
    size = len(json.dumps(value, ensure_ascii=False, default=str).encode())
    if size > SETTINGS_BYTES:
        raise ValueError(f"it holds {size} bytes, and at most {SETTINGS_BYTES} are stored")
    return value


SETTINGS_BYTES = 64 * 1024
Settings = Annotated[dict[str, Any], AfterValidator(_short)]
"""Plain JSON that a spec checks later. It is stored and listed, so it is short."""


class Body(Schema):
    """A request body: unknown fields are refused, so that a misspelt one is noticed.

    An answer that the API gave to such a request may be sent back as a request: it says what it is in `object`, and
    the fields that only answers have are left out.
    """

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    answered_as: ClassVar[str] = ""
    """The `object` of the answers."""

    @model_validator(mode="before")
    @classmethod
    def _of_answer(cls, given: Any) -> Any:
        plain = given._obj if isinstance(given, DjangoGetter) else given
        is_answer = isinstance(plain, dict) and cls.answered_as and plain.get("object") == cls.answered_as
        return known_fields(cls, plain) if is_answer else given


def known_fields(model: type[BaseModel], given: Any) -> Any:
    """`given` without the fields that `model` and the models inside it do not have."""
    if isinstance(given, list):
        return [known_fields(model, item) for item in given]
    if not isinstance(given, dict):
        return given
    kept = {name: value for name, value in given.items() if name in model.model_fields}
    for name in kept:
        inner = _model_in(model.model_fields[name].annotation)
        if inner is not None:
            kept[name] = known_fields(inner, kept[name])
    return kept


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of a field that holds one, or a list of them, or none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


class Query(Schema):
    """Parameters of an address; unknown ones are refused, so that a misspelt one is noticed."""

    @model_validator(mode="after")
    def _only_known(self, info: ValidationInfo) -> Self:
        request: HttpRequest | None = (info.context or {}).get("request")
        if request is not None:
            refuse_unknown(request, type(self).model_fields)
        return self


def refuse_unknown(request: HttpRequest, known: Container[str]) -> None:
    """Refuse parameters of the address that are not `known`."""
    for name in request.GET:
        if name not in known:
            raise InvalidRequest(
                "unknown_parameter",
                f"{name[:LONGEST_NAME]} is not known here. Leave it out.",
                param=name[:LONGEST_NAME],
            )


class PageQuery(Query):
    """The keyset page every list takes."""

    after: str | None = None
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAXIMUM_LIMIT)
    order: str = Field(default="desc", pattern="^(asc|desc)$")


def _form(given: Any) -> str:
    return "many" if isinstance(given, list | tuple) else "one"


ItemT = TypeVar("ItemT")
OneOrMany = Annotated[Annotated[str, Tag("one")] | Annotated[list[ItemT], Tag("many")], Discriminator(_form)]
"""A text, or a list; what is wrong in a list is said of its item, not that the list is no text."""


LONGEST_NAME = 100
"""Characters of a caller's field name that an error repeats."""


def unix(moment: datetime | None) -> int | None:
    """Unix seconds, the form of every time in the API."""
    return None if moment is None else int(moment.timestamp())


def invalid_field(error: ValidationError, given: Any, *, at: str = "") -> InvalidRequest:
    """The first error of a pydantic model as an answer that names the field."""
    first = error.errors(include_url=False, include_context=False)[0]
    return field_error(first, f"{at}{field_place(first['loc'], given)}".rstrip("."))


def field_error(problem: Mapping[str, Any], param: str) -> InvalidRequest:
    """An error of pydantic, or of `common.unsupported`, as an answer of the API."""
    if problem["type"] == UNSUPPORTED:
        return InvalidRequest(
            UNSUPPORTED, f"{param} is not supported{problem['msg']}. Leave it out.", param=param
        )
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
        place.append(str(part)[:LONGEST_NAME])
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
