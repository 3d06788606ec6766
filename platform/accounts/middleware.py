"""Authentication, the organization scope, and the route table, for every request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.permissions import Access, Permission, Rule
from accounts.principal import Principal
from accounts.routes import OPEN_PATHS, ROUTES
from accounts.selectors import principal_by_key, principal_by_session
from common.errors import KoshaError, MethodNotAllowed, NotAuthenticated, PermissionDenied
from common.middleware import error_response, is_api
from common.tenancy import organization_scope

GetResponse = Callable[[HttpRequest], HttpResponse]


class PrincipalMiddleware:
    """Finds who asks and opens that organization's scope around the view.

    The API takes bearer keys only (so it needs no CSRF token), the console sessions only.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        principal = None if request.path in OPEN_PATHS else self._principal(request)
        request.principal = principal  # type: ignore[attr-defined]
        if principal is None or principal.organization_id is None:
            return self.get_response(request)
        with organization_scope(principal.organization_id):
            return self.get_response(request)

    def _principal(self, request: HttpRequest) -> Principal | None:
        if is_api(request):
            scheme, _, key = request.headers.get("Authorization", "").partition(" ")
            return principal_by_key(key.strip()) if scheme.lower() == "bearer" else None
        return principal_by_session(request)


class AuthorizationMiddleware:
    """Refuses what the route table does not allow; a route that is not in it is refused to all."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        assert request.resolver_match is not None
        method = "GET" if request.method == "HEAD" else request.method
        route = request.resolver_match.route
        rule = ROUTES.get(f"{method} {route}")
        principal: Principal | None = request.principal  # type: ignore[attr-defined]
        try:
            check(principal, rule or Access.SIGNED_IN)
            if rule is None:
                raise MethodNotAllowed
        except NotAuthenticated as error:
            return error_response(request, error) if is_api(request) else _to_sign_in(request)
        except KoshaError as error:
            return error_response(request, error)
        return None


def check(principal: Principal | None, rule: Rule) -> None:
    """Raise NotAuthenticated or PermissionDenied unless `principal` stands under `rule`."""
    if rule in (Access.OPEN, Access.PUBLIC):
        return
    if principal is None:
        raise NotAuthenticated
    if rule is Access.OPERATOR and not principal.is_operator:
        raise PermissionDenied
    if isinstance(rule, Permission) and not principal.may(rule):
        raise PermissionDenied


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('sign_in')}?{urlencode({'next': request.get_full_path()})}")
