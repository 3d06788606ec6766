"""The API: every app's router under /v1, and the form of its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.datastructures import MultiValueDict
from ninja import NinjaAPI, Swagger
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from common.error_answers import error_response
from common.errors import InvalidRequest, KoshaError, NotFound
from common.installed import app_modules
from common.text import refuse_unstorable
from common.wire import field_error, field_place
from middleware.route_rules import idempotent_routes


class StorableJson(Parser):
    """JSON without values that the database cannot store: NUL, unpaired surrogates, NaN, infinities."""

    def parse_body(self, request: HttpRequest) -> Any:
        value = json.loads(request.body)
        refuse_unstorable(value)
        return value

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        found = super().parse_querydict(data, list_fields, request)
        refuse_unstorable({name: value for name, value in found.items() if isinstance(value, str)})
        return found


class LocalDocs(Swagger):
    """The interactive description, from vendored files only."""

    template = "api/docs.html"


IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key and request give the same object instead of a second one. Elsewhere it is refused.",
}


def _operations(schema: OpenAPISchema) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _route(path: str) -> str:
    """`/v1/files/{file_id}` as Django resolves it."""
    return path.removeprefix("/").replace("{", "<").replace("}", ">")


class KoshaAPI(NinjaAPI):
    """Its description states how to authenticate; the middleware authenticates all routes."""

    def get_openapi_schema(self, *arguments: Any, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(*arguments, **options)
        schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"key": []}]
        for method, path, operation in _operations(schema):
            if f"{method.upper()} {_route(path)}" in idempotent_routes():
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
        return schema


api = KoshaAPI(
    title="Kosha",
    version="1",
    description=(
        "From a company's documents to its own model. The manners are OpenAI's: the stock `openai` "
        "client works with `base_url` set to this address and a key from Settings."
    ),
    parser=StorableJson(),
    docs=LocalDocs(),
    docs_url="/docs",
    openapi_url="/openapi.json",
    urls_namespace="v1",
)


@api.exception_handler(KoshaError)
@api.exception_handler(Http404)
@api.exception_handler(HttpError)
def _refused(request: HttpRequest, error: Exception) -> HttpResponse:
    """Ninja raises HttpError for a body that its parser refused."""
    if isinstance(error, Http404):
        return error_response(request, NotFound())
    known = error.__cause__ if isinstance(error, HttpError) else error
    if not isinstance(known, KoshaError):
        known = InvalidRequest("invalid_body", "The request's body could not be read as JSON.")
    return error_response(request, known)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """The first error, with the field's name as the caller wrote it."""
    problem = error.errors[0]
    # ("body", "payload", "hyperparameters", "n_epochs"): the source, then ninja's name for it.
    source, *location = problem["loc"]
    if source == "body":
        place = field_place(location[1:], json.loads(request.body or b"null"))
    else:
        place = str(location[-1]) if location else ""
    return error_response(request, field_error(problem, place))


for _module in app_modules("api"):
    api.add_router("", _module.router)
