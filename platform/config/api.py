"""The one API: every app's router under /v1, and how its errors look."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Swagger
from ninja.errors import HttpError, ValidationError

from common.errors import InvalidRequest, KoshaError, NotFound
from common.middleware import error_response


class LocalDocs(Swagger):
    """The interactive description, from vendored files only."""

    template = "api/docs.html"


api = NinjaAPI(
    title="Kosha",
    version="1",
    description=(
        "From a company's documents to its own model. The manners are OpenAI's: the stock `openai` "
        "client works with `base_url` set to this address and a key from Settings."
    ),
    docs=LocalDocs(),
    docs_url="/docs",
    openapi_url="/openapi.json",
    urls_namespace="v1",
    openapi_extra={
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    },
)


@api.exception_handler(KoshaError)
def _kosha_error(request: HttpRequest, error: KoshaError) -> HttpResponse:
    return error_response(request, error)


@api.exception_handler(Http404)
def _absent(request: HttpRequest, error: Http404) -> HttpResponse:
    return error_response(request, NotFound())


@api.exception_handler(HttpError)
def _unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Ninja raises these for a body that is no JSON at all."""
    return error_response(
        request, InvalidRequest("invalid_body", "The request's body could not be read as JSON.")
    )


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return error_response(request, invalid_request(error.errors))


def invalid_request(errors: list[dict[str, Any]]) -> InvalidRequest:
    """The first of ninja's validation errors, named by the field as the caller wrote it."""
    first = errors[0]
    # ("body", "payload", "hyperparameters", "n_epochs"): the first two are ninja's own.
    place = [str(part) for part in first["loc"]]
    place = place[2:] if place[0] in ("body", "form") and len(place) > 2 else place[1:]
    param = ".".join(part for part in place if not part.startswith(("function-", "tagged-union")))
    code = {"extra_forbidden": "unknown_parameter", "missing": "missing_parameter"}.get(
        first["type"], "invalid_value"
    )
    return InvalidRequest(code, f"{param}: {first['msg']}.", param=param or None)


def _mount() -> None:
    from importlib import import_module

    for app in (
        "documents",
        "processing",
        "registry",
        "training",
        "evaluations",
        "retrieval",
        "deployments",
        "chat",
        "schedules",
        "jobs",
        "audit",
    ):
        api.add_router("", import_module(f"{app}.api").router)


_mount()
